# Upstream's unit tests of libraries, auditd and ausearch, linked with what was built. Those of programs that are not built (auplugin,
# aulast and the other tools) are not run, nor is ausearch_options_test.sh: each of its searches is one of the [[test]]s' kind.
set -eu
cd "$OBJ"
include="-I. -Ilib -Iauparse -I$SRC -I$SRC/lib -I$SRC/auparse -I$SRC/common -I$SRC/audisp -I$SRC/src -I$SRC/src/libev"
flags="-O1 -D_GNU_SOURCE -D_REENTRANT -DHAVE_CONFIG_H -fno-strict-aliasing -Wno-pointer-sign -Wno-everything $include"
libraries="auparse/libauparse.a lib/libaudit.a common/libaucommon.a -lm"
ran=0

# one FOLDER NAME [OBJECTS]: compiles a test, runs it.
one() {
    folder=$1 name=$2
    shift 2
    mkdir -p "tests/$folder"
    # shellcheck disable=SC2086 # several words
    $CC $flags "$SRC/$folder/test/$name.c" "$@" $libraries -o "tests/$folder/$name"
    (cd "tests/$folder" && srcdir="$SRC/$folder/test" "./$name" > "$name.out" 2>&1) || {
        echo "$folder/test/$name failed:" >&2
        tail -n 30 "tests/$folder/$name.out" >&2
        exit 1
    }
    ran=$((ran + 1))
}

# compared NAME COMMAND...: a program's output against a file of upstream's.
compared() {
    expected=$1
    shift
    "$@" > found
    diff -u "$expected" found
    ran=$((ran + 1))
}

# The generated tables are beside the sources in upstream's build.
for folder in lib auparse; do
    cp "$folder"/*.h "$SRC/$folder/"
done

one lib lookup_test
one src ilist_test src/ausearch-int.o
one src slist_test src/ausearch-string.o
one src format_event_test src/auditd-event.o src/auditd-config.o \
    src/auditd-sendmail.o src/auditd-dispatch.o audisp/libdisp.a src/libev/libev.a
one audisp test-queue audisp/queue.o
one audisp test-audispd-llist audisp/libdisp.a
mkdir -p tests/auparse
cp "$SRC"/auparse/test/*.log tests/auparse/
one auparse lookup_test
one auparse auparse_extra_test
one auparse lru_cache_test
one auparse uid_name_wrap_test
one auparse databuf_test

# shellcheck disable=SC2086 # several words
for name in auparse_test auparselol_test; do
    $CC $flags "$SRC/auparse/test/$name.c" $libraries -o "tests/auparse/$name"
done
cd tests/auparse
compared "$SRC/auparse/test/auparse_test.ref" ./auparse_test
sed -f "$SRC/auparse/test/auditd_raw.sed" test3.log | sort > raw
./auparselol_test -f test3.log --check | sort | diff -u raw -
ran=$((ran + 1))
echo "$ran tests of upstream passed"
