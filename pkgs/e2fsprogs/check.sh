# Runs upstream's tests; called in the phase check. None is left out by us; those in `skipped` leave themselves out.
set -eu

# A test of mke2fs -d looks at modes, and all look at times.
umask 022
unset SOURCE_DATE_EPOCH

log=$OBJ/check.log
PRINT_FAILED=yes make -s -C "$OBJ" fullcheck > "$log" 2>&1 || {
    grep -v ': ok$' "$log"
    exit 1
}
grep 'tests succeeded' "$log"
sed -n 's/^\([a-z]_[a-z0-9_]*\): .*skipped.*/\1/p' "$log" | sort | diff "$FILES/skipped" -
