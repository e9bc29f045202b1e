# Upstream's tests of the two libraries, with its sample file systems.
set -eu
make -C "$OBJ" check-programs
cd "$SRC"
bash tests/run.sh --srcdir="$SRC" --builddir="$OBJ" --parallel="$JOBS" blkid uuid
