# Runs upstream's tests of the libraries and of the programs; called in the phase check. `left-out` names each that does not
# run, with the reason, and the end of this script sees to it that no other is passed over.
set -eu

# Some tests compare modes of new files, and most compare times.
umask 022
unset SOURCE_DATE_EPOCH

log=$OBJ/check.log
PRINT_FAILED=yes make -s -C "$OBJ" check > "$log" 2>&1 || {
    grep -v ': ok$' "$log"
    exit 1
}

# Those that upstream calls slow and leaves out of `check`. They wait more than they work, so they run side by side. One wants
# bash, and one finds a process by `ps`, which is not in the seed.
mkdir "$OBJ/ps"
cat > "$OBJ/ps/ps" <<'END'
#!/bin/sh
for process in /proc/[0-9]*; do
    echo "${process#/proc/} $(tr '\0' ' ' < "$process/cmdline")"
done 2> /dev/null
END
chmod 755 "$OBJ/ps/ps"
cd "$OBJ/tests"
slow='f_mmp f_mmp_garbage t_mmp_fail r_64bit_big_expand r_ext4_big_expand'
for name in $slow; do
    PATH=$OBJ/ps:$PATH PRINT_FAILED=yes bash ./test_one "$SRC/tests/$name" > "$name.output" 2>&1 &
done
wait
for name in $slow; do
    cat "$name.output"
    # f_mmp does not write this file itself.
    if grep -q ': ok$' "$name.output"; then touch "$name.ok"; fi
done

for path in "$SRC"/tests/[a-z]_*/; do
    name=$(basename "$path")
    [ -e "$name.ok" ] || echo "$name"
done > not-run
sed -n 's/^\([a-z]_[a-z0-9_]*\): .*: skip$/\1/p' "$log" >> not-run
sed '/^#/d' "$FILES/left-out" | sort > expected
sort not-run | diff expected -
echo "$(($(ls -d "$SRC"/tests/[a-z]_*/ | wc -l) - $(wc -l < expected))) of upstream's tests ran and succeeded"
