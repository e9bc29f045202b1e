# Runs upstream's tests; called in the phase check. The unit tests, and of upstream's tests of whole programs all that the
# container allows and that take less than half a minute. They start sshd on the loopback interface and log in as root.
set -eu

# -f is upstream's quick mode: keys are damaged in fewer places. The full mode takes minutes.
sed -i 's|/test_sshkey |&-f |' "$SRC/regress/Makefile"
# A file of several megabytes in pieces of five bytes, nine times, takes a minute.
sed -i 's/^BUFFERSIZE="5 /BUFFERSIZE="/' "$SRC/regress/sftp.sh"
# OpenSSL is without this cipher; the next lines of the test do the same with those that are compiled in.
sed -i '/^check 3072 3des-cbc/d' "$SRC/regress/dhgex.sh"
make -s -C "$OBJ" unit

# Left out:
#   more than half a minute each: agent-restrict, forward-control, multiplex, rekey, integrity, login-timeout,
#     connection-timeout, channel-timeout; and agent-timeout, agent-subprocess, penalty-expire, which only wait
#   would skip themselves as root or without sudo: agent-getpeereid, agent-ptrace, hostbased
#   need DNS, a PKCS#11 library, PuTTY, Dropbear or Twisted: sshfp-connect, agent-pkcs11*, the interop tests
# Security keys are not tried in those that run: their dummy is loaded at run time, so it cannot be linked (SK_DUMMY_LIBRARY).
#
# Two rows at once, for most of the time is spent waiting. What uses ports of its own (3300 to 3399) is in the first row.
first='
cfgmatch cfgmatchlisten forwarding dynamic-forward reconfigure connect proxy-connect connect-privsep connect-uri reexec
proto-version proto-mismatch exit-status-signal envpass transfer banner stderr-data stderr-after-eof broken-pipe yes-head
key-options scp scp3 scp-uri sftp sftp-chroot sftp-cmds sftp-badcmds sftp-batch sftp-glob sftp-perm sftp-resume sftp-uri
localcommand forcecommand host-expand keyscan penalty
'
second='
exit-status cert-userkey cert-hostkey cert-file try-ciphers kextype dhgex keytype limit-keytype multipubkey krl sshsig agent
hostkey-agent hostkey-rotate keygen-change keygen-comment keygen-convert keygen-knownhosts keygen-moduli keygen-sshfp
brokenkeys sshcfgparse cfgparse cfginclude servcfginclude percent addrmatch portnum allow-deny-users authinfo knownhosts
knownhosts-command keys-command principals-command match-subsystem
'

# Accounts and names that a system has and the container lacks. `percent` wants the home directory that $HOME says.
grep -q '^sshd:' /etc/passwd || echo 'sshd:x:22:22:sshd:/var/empty:/bin/false' >> /etc/passwd
sed -i "s|^root:.*|root:x:0:0:root:$HOME:/bin/sh|" /etc/passwd
grep -qw localhost /etc/hosts 2> /dev/null || echo '127.0.0.1 localhost' >> /etc/hosts
mkdir -p /var/empty /var/run
umask 022

row() {
    number=$1
    shift
    # A directory of its own for keys, configuration and logs, beside links to the programs.
    mkdir "$OBJ/row$number"
    for file in "$OBJ"/*; do
        [ -d "$file" ] || ln -s "$file" "$OBJ/row$number/"
    done
    cp -R "$OBJ/regress" "$OBJ/row$number/regress"
    TEST_SSH_PORT=4${number}42 make -s -C "$OBJ" BUILDDIR="$OBJ/row$number" SK_DUMMY_LIBRARY= LTESTS="$*" t-exec
}
make -s -C "$OBJ" SK_DUMMY_LIBRARY= regress-binaries ssh-agent ssh-add ssh-keyscan ssh-sk-helper ssh-pkcs11-helper
row 1 $first > "$OBJ/row1.log" 2>&1 &
status=0
row 2 $second > "$OBJ/row2.log" 2>&1 || status=$?
wait $! || status=$?
cat "$OBJ/row1.log" "$OBJ/row2.log"
[ "$status" = 0 ]

# Each has said that it went well, and none has left itself out.
! grep -i '^skip' "$OBJ/row1.log" "$OBJ/row2.log" || exit 1
test "$(cat "$OBJ/row1.log" "$OBJ/row2.log" | grep -c '^ok ')" = "$(echo $first $second | wc -w)"
