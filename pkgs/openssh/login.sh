# Starts the installed sshd and logs in: with the right key, with a wrong one, and copies a file there.
set -eu

dir=/tmp/login
mkdir -p "$dir" /var/empty
chmod 700 "$dir"
grep -q '^sshd:' /etc/passwd || echo 'sshd:x:22:22:sshd:/var/empty:/bin/false' >> /etc/passwd

for key in host right wrong; do
    /dest/usr/bin/ssh-keygen -q -t ed25519 -N '' -f "$dir/$key"
done
cp "$dir/right.pub" "$dir/authorized_keys"
cat > "$dir/sshd_config" <<END
ListenAddress 127.0.0.1:2222
HostKey $dir/host
PidFile $dir/pid
AuthorizedKeysFile $dir/authorized_keys
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
PerSourcePenalties no
Subsystem sftp /dest/usr/lib/ssh/sftp-server
SshdSessionPath /dest/usr/lib/ssh/sshd-session
SshdAuthPath /dest/usr/lib/ssh/sshd-auth
END
/dest/usr/bin/sshd -t -f "$dir/sshd_config"
/dest/usr/bin/sshd -f "$dir/sshd_config" -E "$dir/log"
# It goes into the background before it listens, and writes this file when it does.
waited=0
until [ -s "$dir/pid" ]; do
    waited=$((waited + 1))
    [ "$waited" -le 600 ]
    sleep 0.1
done

printf '[127.0.0.1]:2222 %s\n' "$(cut -d ' ' -f 1,2 "$dir/host.pub")" > "$dir/known_hosts"
options="-F none -o UserKnownHostsFile=$dir/known_hosts -o BatchMode=yes -o IdentitiesOnly=yes"
try() {
    key=$1
    shift
    /dest/usr/bin/ssh $options -i "$dir/$key" -p 2222 root@127.0.0.1 "$@"
}
finish() {
    status=$?
    kill "$(cat "$dir/pid")"
    [ "$status" = 0 ] || cat "$dir/log"
}
trap finish EXIT

test "$(try right echo hello)" = hello
! try wrong true 2> /dev/null
for kex in mlkem768x25519-sha256 sntrup761x25519-sha512 curve25519-sha256 ecdh-sha2-nistp256; do
    /dest/usr/bin/ssh $options -o KexAlgorithms="$kex" -i "$dir/right" -p 2222 root@127.0.0.1 true
done
head -c 300000 /dev/urandom > "$dir/sent"
/dest/usr/bin/scp $options -i "$dir/right" -P 2222 -S /dest/usr/bin/ssh "$dir/sent" "root@127.0.0.1:$dir/received"
cmp "$dir/sent" "$dir/received"
