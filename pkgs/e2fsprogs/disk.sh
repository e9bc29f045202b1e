# What an operator does with a disk, on a file in place of one: make it, fill it, check it, grow it, tune it, and have damage
# found and repaired.
set -eu

PATH=/dest/usr/bin:$PATH
export MKE2FS_CONFIG=/dest/etc/mke2fs.conf
cd "$(mktemp -d)"

# Ends the test unless the command exits with the given status.
expect() {
    wanted=$1
    shift
    status=0
    "$@" > log 2>&1 || status=$?
    [ "$status" = "$wanted" ] || {
        cat log
        echo "exit status $status instead of $wanted: $*" >&2
        exit 1
    }
}
field() {
    dumpe2fs -h disk 2> /dev/null | sed -n "s/^$1: *//p"
}

mkdir -p content/etc content/log
seq 200000 > content/log/numbers
echo hello > content/etc/greeting
truncate -s 64M disk
expect 0 mkfs.ext4 -q -L state -d content disk
expect 0 e2fsck -fn disk
test "$(field 'Filesystem volume name')" = state
test "$(field 'Block count')" = 65536
for feature in has_journal extent 64bit metadata_csum orphan_file; do
    field 'Filesystem features' | grep -qw "$feature"
done

truncate -s 256M disk
expect 0 resize2fs disk
test "$(field 'Block count')" = 262144
expect 0 e2fsck -fn disk

expect 0 tune2fs -L data -c 20 -m 1 -U 6b8e4567-3277-4b23-a2f8-5d1d6c5a5bd4 -O quota disk
test "$(field 'Filesystem volume name')" = data
test "$(field 'Filesystem UUID')" = 6b8e4567-3277-4b23-a2f8-5d1d6c5a5bd4
test "$(field 'Maximum mount count')" = 20
field 'Filesystem features' | grep -qw quota
expect 0 e2fsck -fn disk

# The first superblock and all group descriptors are overwritten: found without a change, repaired from the copy, then clean.
dd if=/dev/zero of=disk bs=1024 seek=1 count=16 conv=notrunc 2> /dev/null
cp disk damaged
status=0
fsck.ext4 -fn disk > log 2>&1 || status=$?
test $((status & 4)) = 4
cmp disk damaged
expect 1 fsck.ext4 -fy disk
expect 0 e2fsck -fn disk
test "$(field 'Filesystem volume name')" = data

expect 0 resize2fs -M disk
test "$(field 'Block count')" -lt 65536
expect 0 e2fsck -fn disk

for kind in ext2 ext3; do
    truncate -s 8M "$kind"
    expect 0 "mkfs.$kind" -q "$kind"
    expect 0 "fsck.$kind" -fn "$kind"
done
