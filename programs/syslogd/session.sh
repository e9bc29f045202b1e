# Starts the log, writes as root and as others, and reads what it kept. $1: the program.
set -eu

mkdir -p /run/syslog /var/log
cat > /tmp/write.py <<'PY'
import os, socket, sys
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for n in range(int(sys.argv[3])):
    to.sendto(sys.argv[2].encode(), "/run/syslog/log")
PY
write() {
    python3 /tmp/write.py "$@"
}

"$1" -s 64 -b 2
pid=$(cat /run/syslogd.pid)
trap 'kill $pid' EXIT
test "$(stat -c %a /run/syslog/log)" = 666

write 0 '<85>become: ada (1000) as root: ["id"]' 1
write 4711 '<85>become: ada (1000) as root: ["rm"]' 1
# A user who exceeds the rate limit loses lines; root does not.
write 4711 "<13>flood: $(printf %0200d 0)" 2000
write 0 '<85>become: after the flood' 1
until grep -q 'after the flood' /var/log/messages && grep -q 'dropped .* lines of user 4711' /var/log/messages; do
    sleep 0.1
done
test "$(grep -c 'authpriv.notice become: ada (1000) as root: \["id"\]' /var/log/messages)" = 1
# The forged line is in the users' file, not in the system's.
test "$(grep -c 'rm' /var/log/messages)" = 0
test "$(cat /var/log/users* | grep -c 'user.notice become\[[0-9]*\] uid=4711: ada (1000)')" = 1
test "$(cat /var/log/users* | grep -c flood)" -lt 400

# HUP: who moved the file keeps it.
mv /var/log/messages /tmp/moved
kill -HUP "$pid"
sleep 0.5
write 0 '<85>become: in a new file' 1
until grep -qs 'in a new file' /var/log/messages; do
    sleep 0.1
done
