# Usage: mtree.sh PROGRAM. A directory, its specification, and each sort of difference.
set -eu
mtree=$1
place=$(mktemp -d)
cd "$place"

# difference STATUS [OPTION]…: compares, keeps what was said.
difference() {
    expected=$1
    shift
    status=0
    "$mtree" "$@" -f spec -p dir > said || status=$?
    test "$status" = "$expected"
}

mkdir -p 'dir/a b' dir/etc
echo one > 'dir/a b/file'
echo two > dir/etc/gone
ln -s one dir/link
chmod 755 dir dir/etc 'dir/a b'
chmod 644 'dir/a b/file' dir/etc/gone
"$mtree" -c -p dir > spec
test "$(head -n 1 spec)" = '#mtree'
sum=$(sha256sum < 'dir/a b/file')
grep -qxF "./a\\040b/file type=file mode=0644 uid=$(id -u) gid=$(id -g) size=4 sha256digest=${sum%% *}" spec
grep -qxF "./link type=link mode=0777 uid=$(id -u) gid=$(id -g) link=one" spec
difference 0
test ! -s said
(cd dir && "$mtree" < ../spec)

echo 1 > dir/etc/new
difference 2
test "$(cat said)" = 'extra: ./etc/new'
difference 0 -e

chmod 600 'dir/a b/file'
rm dir/etc/gone dir/link
ln -s two dir/link
difference 2 -e
printf '%s\n' './a\040b/file: mode (0644, 0600)' 'missing: ./etc/gone' './link: link (one, two)' > expected
cmp expected said

chmod 644 'dir/a b/file'
echo ONE > 'dir/a b/file'
difference 2
grep -q "^./a.040b/file: sha256digest (${sum%% *}, " said

# An incomplete or foreign specification is refused.
sed -i 's/mode=0644/mode=0600/' spec
difference 1 2> error
grep -q '^mtree: spec: it is damaged' error
: > spec
difference 1 2> error
grep -q '^mtree: spec: it does not begin as' error
if "$mtree" -u 2> error; then exit 1; fi
grep -q '^mtree: unknown option `-u`; usage: ' error
"$mtree" --help | grep -q '^It reads only specifications that it wrote'
cd /
rm -r "$place"
