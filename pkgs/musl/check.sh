#!/bin/sh
# Is the allocator in the library the one that was asked for, and does it hold what it promises?
# Runs in the build container: $OBJ holds the built library, not installed yet.
set -eu
cd "$OBJ"

fail() {
    echo "check: $*" >&2
    exit 1
}

# 1. One implementation only, and no name of mimalloc to collide with a program's own copy.
$NM --defined-only --extern-only --quiet lib/libc.a > names
$NM --dynamic --defined-only lib/libc.so > names.so
for name in malloc calloc realloc reallocarray free aligned_alloc memalign posix_memalign malloc_usable_size; do
    grep -q " [TWV] $name\$" names || fail "libc.a lacks $name"
    grep -q " [TWV] $name\$" names.so || fail "libc.so lacks $name"
done
if [ "$MALLOC" = mimalloc ]; then
    # Position-independent, so the same object is in libc.a and in libc.so.
    object=obj/src/malloc/mimalloc/mimalloc.lo
    $NM --defined-only --extern-only --format=just-symbols "$object" | sort > provided
    sort "$FILES/symbols" | diff - provided
    # No environment variable, no file, no printf, no thread-local variable.
    $NM --undefined-only --format=just-symbols "$object" > needed
    if grep -x 'getenv\|open\|fopen\|.*printf\|fputs\|atexit\|pthread_key_create\|__tls_get_addr' needed; then
        fail "the allocator must not use these"
    fi
    if grep ' _*mi_\|__malloc_context' names names.so; then fail "these must not be visible"; fi
fi

# 2. The tests, static and dynamic, against the library as it was built.
crt=$SYSROOT/usr/lib/clang/19/lib/$TARGET
set -- -nostdinc -isystem "$SRC/include" -isystem obj/include -isystem "$SRC/arch/x86_64" -isystem "$SRC/arch/generic" \
    -isystem "$SYSROOT/usr/lib/clang/19/include" -fno-builtin -nostdlib "$FILES/test.c"
clang --config="$OBJ/musl.cfg" "$@" -static-pie lib/rcrt1.o lib/crti.o lib/libc.a "$crt/libclang_rt.builtins.a" lib/crtn.o \
    -o test-static
clang --config="$OBJ/musl.cfg" "$@" -pie lib/Scrt1.o lib/crti.o lib/libc.so "$crt/libclang_rt.builtins.a" lib/crtn.o \
    -Wl,--dynamic-linker="$OBJ/lib/libc.so" -o test-dynamic
for program in ./test-static ./test-dynamic; do
    for name in basic align calloc realloc errno returned threads stress main-ends cancelled exchange fork; do
        "$program" $name || fail "$program $name"
    done
    if [ "$MALLOC" = mimalloc ] && [ "$MI_SECURE" -ge 4 ]; then
        for name in double-free bad-free inner-free overwritten-link; do
            if "$program" $name 2> message; then fail "$program $name: not noticed"; fi
            grep '^malloc: ' message || fail "$program $name: no message"
        done
    fi
done
