# Runs in a test root as process 1, the same text on both sides. Usage: driver.sh FIRST LAST
# /cases/N/etc is laid over /etc, then every line of /cases/N/commands is run. What is printed, src/script/capture.rs reads.

export PATH=/usr/sbin:/usr/bin:/lib/rc/bin HOME=/root TERM=dumb
state=/run/openrc
modules=/usr/lib/x86_64-linux-gnu/security
umask 022
# Daemons inherit it: what differs must not depend on who compares.
renice 0 1 >/dev/null 2>&1

# What every case finds: the homes of some users, a place that nobody but root may enter, and a root to be locked into.
furnish() {
	rm -rf /etc/init.d /etc/conf.d /etc/runlevels /etc/rc.conf /etc/none /run/* /var/* /tmp/* /srv/* /home/*
	cp -a "/cases/$1/etc/." /etc/
	# The system is one that has started, with the folders that real OpenRC makes then.
	for folder in starting started stopping inactive wasinactive failed hotplugged daemons options exclusive scheduled tmp; do
		mkdir -p $state/$folder
	done
	mkdir -p /run/lock /var/log /var/lib /srv/www /srv/jail/usr/sbin /srv/jail/run /srv/jail/etc /srv/jail/dev /srv/jail/var
	mkdir -m 700 /srv/closed
	ln -s /run /var/run
	echo default >$state/softlevel
	chown 33:33 /srv/www
	cp /usr/sbin/stand-in /srv/jail/usr/sbin/
	cp -a /etc/passwd /etc/group /etc/pam.d /srv/jail/etc/
	# Real OpenRC opens a session inside, and needs there what says that it may.
	if [ -e "$modules/pam_permit.so" ]; then
		mkdir -p "/srv/jail$modules"
		cp "$modules/pam_permit.so" "/srv/jail$modules/"
	fi
	: >/srv/jail/dev/null
}

states() {
	for kind in started starting stopping inactive failed hotplugged; do
		for entry in $state/$kind/*; do
			[ -L "$entry" ] && echo ":$kind ${entry##*/}"
		done
	done
}

run() {
	timeout -s KILL 25 /bin/sh -c "$2" >/oracle/output 2>&1 </dev/null
	code=$?
	echo "@step $1"
	echo "@exit $code"
	# What hung is still there: nothing that comes after it in this case says anything.
	[ $code -ne 137 ] || return 1
	observer
	states
	while IFS= read -r line || [ -n "$line" ]; do
		printf '>%s\n' "$line"
	done </oracle/output
	return 0
}

case=$1
while [ "$case" -le "$2" ]; do
	furnish "$case"
	echo "@case $case"
	number=0
	while IFS= read -r command <&3; do
		run $number "$command" 3<&- || break
		number=$((number + 1))
	done 3<"/cases/$case/commands"
	echo "@end $case"
	# Process 1 may signal everybody else: daemons of this case end here.
	kill -9 -1 2>/dev/null
	wait
	case=$((case + 1))
done
