# Runs in a test root as process 1, the same text on both sides. Usage: driver.sh FIRST LAST
# /cases/N/etc is laid over /etc, then every line of /cases/N/commands is run. What is printed, src/capture.rs reads.

# rc-depend lies where scripts find it, not where people do.
export PATH=/usr/sbin:/usr/bin:/lib/rc/bin HOME=/root TERM=dumb
state=/run/openrc

# What was set going belongs to the command that did it: waits until only daemons are left that nothing more happens to.
# What is waited for is a condition; the limit is for what never comes to rest, and says so.
settle() {
	polls=0
	while busy; do
		if [ $polls -ge 1500 ]; then
			echo '@restless 1'
			return
		fi
		sleep 0.02
		polls=$((polls + 1))
	done
}

# Whether something else than process 1 and daemons lives, a daemon has yet to notice a signal, or a supervisor is about
# to start its program. BusyBox's timeout leaves a watcher that ends by itself.
busy() {
	supervisors= supervised=
	for folder in /proc/[0-9]*; do
		# One that has gone meanwhile is not busy; the message about it helps nobody.
		{ read -r process name condition parent rest <"$folder/stat"; } 2>/dev/null || continue
		case "$process $name $condition" in
		"1 "* | *" Z" | *" X" | *"(timeout)"*) ;;
		*"(supervise-daemo"*) supervisors="$supervisors $process" ;;
		*"(busybox)"*)
			signalled "$folder/status" && return 0
			supervised="$supervised $parent "
			;;
		*) return 0 ;;
		esac
	done
	for supervisor in $supervisors; do
		case "$supervised" in
		*" $supervisor "*) ;;
		*) return 0 ;;
		esac
	done
	return 1
}

signalled() {
	{
		while read -r key value; do
			case "$key $value" in
			SigPnd:*[1-9a-f]* | ShdPnd:*[1-9a-f]*) return 0 ;;
			esac
		done <"$1"
	} 2>/dev/null
	return 1
}

states() {
	for kind in started starting stopping inactive wasinactive failed hotplugged; do
		for entry in $state/$kind/*; do
			[ -L "$entry" ] && echo ":$kind ${entry##*/}"
		done
	done
	for entry in $state/scheduled/*/*; do
		[ -L "$entry" ] || [ -e "$entry" ] || continue
		entry=${entry#$state/scheduled/}
		echo ":scheduled ${entry#*/} after ${entry%/*}"
	done
	level=
	# Real OpenRC writes no newline, which makes read fail and yet read.
	[ -r $state/softlevel ] && read -r level <$state/softlevel
	echo "~$level"
}

print() {
	[ -r "$2" ] || return
	while IFS= read -r line || [ -n "$line" ]; do
		printf '%s%s\n' "$1" "$line"
	done <"$2"
}

run() {
	: >/oracle/log
	timeout -s KILL 30 /bin/sh -c "$2" >/oracle/output 2>&1 </dev/null
	code=$?
	echo "@step $1"
	echo "@exit $code"
	settle
	print '>' /oracle/output
	print '=' /oracle/log
	states
	# Dependencies as real OpenRC resolved them; ours has another format, and is asked by commands.
	[ -e /oracle/real ] && print '%' $state/deptree
}

graph=$1
while [ "$graph" -le "$2" ]; do
	rm -rf /etc/init.d /etc/conf.d /etc/runlevels /etc/rc.conf /run/* /var/log/*
	cp -a /cases/$graph/etc/. /etc/
	# The commands do not begin with sysinit in most graphs: then the system is one that has started.
	mkdir -p $state /run/lock
	echo default >$state/softlevel
	echo "@graph $graph"
	number=0
	while IFS= read -r command <&3; do
		run $number "$command" 3<&-
		number=$((number + 1))
	done 3</cases/$graph/commands
	echo "@end $graph"
	# Process 1 may signal everybody else: daemons of this graph end here.
	kill -9 -1 2>/dev/null
	wait
	graph=$((graph + 1))
done
