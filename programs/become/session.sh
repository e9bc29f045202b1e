# Starts the service and asks it, as a member of wheel and as others. $1: the program.
set -eu

become=$1
cat >> /etc/group <<'END'
wheel:x:10:anna
END
cat >> /etc/passwd <<'END'
anna:x:4711:4711::/:/bin/sh
bert:x:4712:4712::/:/bin/sh
END
# Runs a command as another user: number, groups, command.
cat > /tmp/as.py <<'END'
import os, sys
os.setgroups([int(group) for group in sys.argv[2].split(",")])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
os.execvp(sys.argv[3], sys.argv[3:])
END
as() {
    python3 /tmp/as.py "$@"
}

# The system's log, or what stands in for it.
cat > /tmp/log.py <<'END'
import os, socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
with open("/tmp/log", "wb", 0) as to:
    while True:
        to.write(log.recv(8192) + b"\n")
END
python3 /tmp/log.py &
log=$!
mkdir -p /run
"$become" --daemon &
daemon=$!
trap 'kill $daemon $log' EXIT
tries=0
until [ -S /dev/log ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ]
    sleep 0.1
done
tries=0
until [ "$(stat -c %a:%g /run/become.sock 2> /dev/null)" = 660:10 ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ]
    sleep 0.1
done

# Root, with nothing of the caller's environment, in its directory, with its descriptors and the command's status.
cd /tmp
test "$(SECRET=1 OTHER=x as 4711 10 "$become" sh -c 'id -u; pwd; echo $SECRET$OTHER$BECOME_USER')" = "0
/tmp
anna"
test "$(echo in | as 4711 10 "$become" cat)" = in
as 4711 10 "$become" sh -c 'echo out; echo error >&2' 2> /tmp/error > /tmp/out
test "$(cat /tmp/out /tmp/error)" = "out
error"
status=0
as 4711 10 "$become" sh -c 'exit 7' || status=$?
test $status = 7
status=0
as 4711 10 "$become" sh -c 'kill -KILL $$' || status=$?
test $status = 137
status=0
as 4711 10 "$become" /no/such/program 2> /tmp/error || status=$?
test $status = 125
grep -q '^become: /no/such/program: No such file' /tmp/error

# Each use is logged, with the length of what is too long for a line.
grep -q '^<85>become: anna (4711.*) as root: \["sh", "-c", "exit 7"\] in "/tmp" \[' /tmp/log
as 4711 10 "$become" true "$(printf %01000d 0)" hidden
grep -q 'characters cut, sha256 of all [0-9a-f]*\]$' /tmp/log
if grep -q hidden /tmp/log; then exit 1; fi

# Whatever a command's words are, it has its caller's login UID, if this machine lets a test set one.
if [ "$(cat /proc/self/loginuid 2> /dev/null)" = 4294967295 ]; then
    login() {
        sh -c 'echo "$1" > /proc/self/loginuid && shift && exec python3 /tmp/as.py "$@"' sh "$@"
    }
    number='cat /proc/self/loginuid'
    ln -s /bin/sh /tmp/rc-service
    mkdir -p /etc/init.d
    for program in sh /etc/init.d/../../bin/sh /tmp/rc-service; do
        test "$(login 4711 4711 10 "$become" "$program" -c "$number")" = 4711
    done
    # Root that changes its user, or asks as root, keeps its login UID.
    sed -i 's/^wheel:.*/&,carl/' /etc/group
    echo 'carl:x:4713:4713::/:/bin/sh' >> /etc/passwd
    for user in 4713 0; do
        test "$(login 4711 $user 10 "$become" sh -c "$number")" = 4711
    done
    status=0
    "$become" id 2> /tmp/error || status=$?
    test $status = 125
    grep -q "root without a login has no login UID" /tmp/error
fi

# Others: kept out by the socket, and by /etc/group even if they have its GID.
status=0
as 4712 4712 "$become" id 2> /tmp/error || status=$?
test $status = 125
grep -qx 'become: only members of the group wheel may become root' /tmp/error
status=0
as 4712 10 "$become" id 2> /tmp/error || status=$?
test $status = 125
grep -qx 'become: bert is not in the group wheel' /tmp/error

# Signals reach the command, and it ends when its caller is gone.
# Not through the function: the shell would give the number of a subshell.
python3 /tmp/as.py 4711 10 "$become" sh -c 'trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.1; done' > /tmp/out &
caller=$!
until grep -q ready /tmp/out; do sleep 0.1; done
kill -TERM $caller
status=0
wait $caller || status=$?
test $status = 3
grep -q term /tmp/out
python3 /tmp/as.py 4711 10 "$become" sh -c 'echo $$ > /tmp/pid; exec sleep 600' &
caller=$!
until [ -s /tmp/pid ]; do sleep 0.1; done
kill -KILL $caller
tries=0
while kill -0 "$(cat /tmp/pid)" 2> /dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 100 ]
    sleep 0.1
done
