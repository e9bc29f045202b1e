# Runs one command of one service: openrc-run.sh COMMAND [ARGUMENTS]
#
# Started by openrc-run, which has looked after dependencies, states, locks and time. The environment gives
# RC_SVCNAME, RC_SERVICE, RC_SVCDIR, RC_LIBEXECDIR, RC_RUNLEVEL, RC_CONF_D, RC_CONF and, with control groups,
# RC_CGROUP_DIR. POSIX sh (BusyBox ash, dash): sources the configuration and the script, then calls the functions.

. "$RC_LIBEXECDIR/sh/rc-functions.sh"

# A shell with its own start-stop-daemon (BusyBox, depending on how it was built) is to take ours.
for _rc_name in start-stop-daemon supervise-daemon; do
	[ ! -x "$RC_LIBEXECDIR/bin/$_rc_name" ] || alias $_rc_name="$RC_LIBEXECDIR/bin/$_rc_name"
done

service_get_value() {
	case ${1:-} in
		'' | */* | .*) return 1 ;;
	esac
	[ -e "$RC_SVCDIR/options/$RC_SVCNAME/$1" ] || return 1
	cat "$RC_SVCDIR/options/$RC_SVCNAME/$1"
}

service_set_value() {
	case ${1:-} in
		'' | */* | .*) eerror "service_set_value: usage: service_set_value NAME VALUE"; return 1 ;;
	esac
	_rc_remember "$1" "${2:-}"
}

# For us: reads a saved value into a variable without starting a program.
_rc_recall() {
	[ -e "$RC_SVCDIR/options/$RC_SVCNAME/$1" ] || return 0
	_rc_recalled=
	while IFS= read -r _rc_value || [ -n "$_rc_value" ]; do
		_rc_recalled="$_rc_recalled $_rc_value"
	done <"$RC_SVCDIR/options/$RC_SVCNAME/$1"
	eval "$1=\${_rc_recalled# }"
}
_rc_remember() {
	if [ -n "$2" ]; then
		[ -d "$RC_SVCDIR/options/$RC_SVCNAME" ] || mkdir -p "$RC_SVCDIR/options/$RC_SVCNAME"
		printf '%s\n' "$2" >"$RC_SVCDIR/options/$RC_SVCNAME/$1"
	else
		[ ! -e "$RC_SVCDIR/options/$RC_SVCNAME/$1" ] || rm -f "$RC_SVCDIR/options/$RC_SVCNAME/$1"
	fi
}

# Options for start-stop-daemon and supervise-daemon, gathered in _rc_options. Values are given unquoted, and eval reads the
# whole, as with OpenRC: any white space separates words, also a new line; patterns mean files; and quotes within a value
# hold words together. In quotes a new line would end the command, and its first line would run without the rest.
# A script that changes IFS means its own words, not these.
_rc_begin() { _rc_options= && unset IFS; }
# _rc_option OPTION WORD...: without a word no option
_rc_option() {
	[ $# -gt 1 ] || return 0
	_rc_options="$_rc_options --$1"
	shift
	for _rc_word; do
		_rc_options="$_rc_options $_rc_word"
	done
}
# _rc_whole OPTION VARIABLE: the value is one word, whatever it holds.
_rc_whole() { eval "[ -z \"\${$2:-}\" ]" || _rc_options="$_rc_options --$1 \"\$$2\""; }
# _rc_right OPTION VARIABLE: what limits the rights of a daemon is given also when its value came out empty, and then refused.
_rc_right() { eval "[ -z \"\${$2+set}\" ]" || _rc_options="$_rc_options --$1 \"\$$2\""; }
_rc_common_options() {
	_rc_option chroot ${chroot:-}
	_rc_option chdir ${directory:-}
	_rc_option pidfile ${pidfile:-}
	_rc_option stdout ${output_log:-}
	_rc_option stderr ${error_log:-}
	_rc_whole stdout-logger output_logger
	_rc_whole stderr-logger error_logger
	_rc_right user command_user
	_rc_right umask umask
	_rc_right capabilities capabilities
	_rc_right secbits secbits
	! yesno "${no_new_privs:-no}" || _rc_options="$_rc_options --no-new-privs"
	[ -z "${SSD_NICELEVEL:-}" ] || export SSD_NICELEVEL
	[ -z "${SSD_IONICELEVEL:-}" ] || export SSD_IONICELEVEL
	[ -z "${SSD_OOM_SCORE_ADJ:-}" ] || export SSD_OOM_SCORE_ADJ
	[ -z "${rc_start_wait:-}" ] || export rc_start_wait
}
_rc_has_command() {
	for _rc_word in ${command:-}; do
		return 0
	done
	ewarn "The command variable is undefined."
	ewarn "There is nothing for ${name:-$RC_SVCNAME} to start."
	return 1
}
# Variables of OpenRC that would silently do nothing.
_rc_not_supported() {
	for _rc_key in notify stopgroup input_file; do
		eval "_rc_value=\${$_rc_key:-}"
		[ -z "$_rc_value" ] || ewarn "$RC_SVCNAME: $_rc_key is not supported and has no effect"
	done
	case ${supervisor:-} in
		'' | supervise-daemon | start-stop-daemon) ;;
		*) ewarn "$RC_SVCNAME: the supervisor $supervisor is not supported, using start-stop-daemon" ;;
	esac
}
_rc_started_well() {
	if yesno "${start_inactive:-no}"; then
		case " ${in_background_fake:-} " in
			*' start '*) mark_service_inactive ;;
		esac
	fi
	return 0
}

ssd_start() {
	# Such a service starts all the same, as with OpenRC: some only exist for their dependencies.
	if ! _rc_has_command; then
		ewarn "If this is what you intend, please write a start function."
		return 0
	fi
	_rc_begin
	if yesno "${command_background:-no}"; then
		if [ -z "${pidfile:-}" ]; then
			eerror "command_background option used but no pidfile specified"
			return 1
		fi
		if [ -n "${command_args_background:-}" ]; then
			eerror "command_background used with command_args_background"
			return 1
		fi
		_rc_options=" --background --make-pidfile"
	fi
	_rc_option exec $command
	_rc_option name ${procname:-}
	_rc_common_options
	_rc_not_supported
	ebegin "Starting ${name:-$RC_SVCNAME}"
	eval start-stop-daemon --start "$_rc_options" ${start_stop_daemon_args:-} -- ${command_args:-} ${command_args_background:-}
	if eend $? "Failed to start ${name:-$RC_SVCNAME}"; then
		_rc_remember command "$command"
		_rc_remember chroot "${chroot:-}"
		_rc_remember pidfile "${pidfile:-}"
		_rc_remember procname "${procname:-}"
		_rc_started_well
		return 0
	fi
	return 1
}
ssd_stop() {
	for _rc_key in command chroot pidfile procname; do
		_rc_recall $_rc_key
	done
	[ -n "${command:-}${procname:-}${pidfile:-}" ] || return 0
	_rc_begin
	! yesno "${command_progress:-no}" || _rc_options=" --progress"
	_rc_option exec ${command:+${chroot:-}$command}
	_rc_option name ${procname:-}
	_rc_option pidfile ${pidfile:+${chroot:-}$pidfile}
	_rc_whole retry retry
	_rc_whole signal stopsig
	ebegin "Stopping ${name:-$RC_SVCNAME}"
	eval start-stop-daemon --stop "$_rc_options"
	eend $? "Failed to stop ${name:-$RC_SVCNAME}"
}

supervise_start() {
	_rc_has_command || return 1
	: "${pidfile:=${RC_TEST_ROOT:-}/run/supervise-$RC_SVCNAME.pid}"
	_rc_begin
	_rc_whole retry retry
	_rc_option respawn-delay ${respawn_delay:-}
	_rc_option respawn-max ${respawn_max:-}
	_rc_option respawn-period ${respawn_period:-}
	_rc_option healthcheck-timer ${healthcheck_timer:-}
	_rc_option healthcheck-delay ${healthcheck_delay:-}
	_rc_common_options
	_rc_not_supported
	ebegin "Starting ${name:-$RC_SVCNAME}"
	eval supervise-daemon '"$RC_SVCNAME"' --start "$_rc_options" ${supervise_daemon_args:-${start_stop_daemon_args:-}} \
		$command -- ${command_args:-} ${command_args_foreground:-}
	if eend $? "Failed to start ${name:-$RC_SVCNAME}"; then
		_rc_remember pidfile "$pidfile"
		_rc_remember retry "${retry:-}"
		_rc_started_well
		return 0
	fi
	return 1
}
supervise_stop() {
	_rc_recall pidfile
	: "${pidfile:=${RC_TEST_ROOT:-}/run/supervise-$RC_SVCNAME.pid}"
	_rc_begin
	_rc_option pidfile $pidfile
	_rc_whole retry retry
	ebegin "Stopping ${name:-$RC_SVCNAME}"
	eval supervise-daemon '"$RC_SVCNAME"' --stop "$_rc_options"
	eend $? "Failed to stop ${name:-$RC_SVCNAME}"
}

_rc_supervised() { [ "${supervisor:-}" = supervise-daemon ]; }

# What a script gets that does not say otherwise.
default_start() { if _rc_supervised; then supervise_start; else ssd_start; fi; }
default_stop() { if _rc_supervised; then supervise_stop; else ssd_stop; fi; }
default_status() {
	if service_stopping; then
		ewarn "status: stopping"
		return 4
	elif service_starting; then
		ewarn "status: starting"
		return 8
	elif service_inactive; then
		ewarn "status: inactive"
		return 16
	elif service_started; then
		# Only a service that started daemons can have lost one.
		if [ -d "$RC_SVCDIR/daemons/$RC_SVCNAME" ] && service_crashed; then
			eerror "status: crashed"
			return 32
		fi
		einfo "status: started"
		return 0
	fi
	einfo "status: stopped"
	return 3
}
start() { default_start; }
stop() { default_stop; }
status() { default_status; }
start_pre() { :; }
start_post() { :; }
stop_pre() { :; }
stop_post() { :; }
status_pre() { :; }
status_post() { :; }
depend() { :; }
unhealthy() { :; }
healthcheck() { :; }
cgroup_cleanup() {
	rc_timeout_stopsec=${rc_timeout_stopsec:-90} rc_send_sighup=${rc_send_sighup:-no} \
		rc_send_sigkill=${rc_send_sigkill:-yes} stopsig=${stopsig:-} cgroup-cleanup "$RC_SVCNAME"
}

_rc_lists() {
	for _rc_entry in $2; do
		[ "$_rc_entry" != "$1" ] || return 0
	done
	return 1
}

_rc_requirements() {
	for _rc_path in ${required_dirs:-}; do
		[ -d "$_rc_path" ] || { eerror "$RC_SVCNAME: \`$_rc_path' is not a directory"; return 1; }
	done
	for _rc_path in ${required_files:-}; do
		[ -r "$_rc_path" ] || { eerror "$RC_SVCNAME: \`$_rc_path' is not readable"; return 1; }
	done
	return 0
}

# Limits of the control group; one that the kernel refuses is a warning, the service starts.
_rc_limit() {
	[ -z "$2" ] || { printf '%s\n' "$2" >"$RC_CGROUP_DIR/$1"; } 2>/dev/null ||
		ewarn "$RC_SVCNAME: the kernel rejects \`$2' for $1"
}
_rc_limits() {
	[ -n "${RC_CGROUP_DIR:-}" ] || return 0
	_rc_limit memory.max "${rc_cgroup_memory_max:-}"
	_rc_limit memory.high "${rc_cgroup_memory_high:-}"
	_rc_limit memory.swap.max "${rc_cgroup_memory_swap_max:-}"
	_rc_limit pids.max "${rc_cgroup_pids_max:-}"
	_rc_limit cpu.max "${rc_cgroup_cpu_max:-}"
	_rc_limit cpu.weight "${rc_cgroup_cpu_weight:-}"
	_rc_limit io.weight "${rc_cgroup_io_weight:-}"
	[ -n "${rc_cgroup_settings:-}" ] || return 0
	while read -r _rc_key _rc_value; do
		case $_rc_key in
			'' | '#'* | */*) ;;
			*) _rc_limit "$_rc_key" "$_rc_value" ;;
		esac
	done <<-END
		$rc_cgroup_settings
	END
}

_rc_describe() {
	if [ -n "${description:-}" ]; then
		einfo "$description"
	else
		ewarn "No description for ${RC_SVCNAME}"
	fi
	for _rc_entry in ${extra_commands:-${opts:-}} ${extra_started_commands:-} ${extra_stopped_commands:-}; do
		eval "_rc_value=\${description_$_rc_entry:-}"
		if [ -n "$_rc_value" ]; then
			einfo "$_rc_entry: $_rc_value"
		else
			ewarn "$_rc_entry: no description"
		fi
	done
}

# FUNCTION_pre, FUNCTION, FUNCTION_post: each only if the one before succeeded.
_rc_call() {
	if command -v "$1_pre" >/dev/null 2>&1; then
		"$1_pre" || return
	fi
	"$@" || return
	if command -v "$1_post" >/dev/null 2>&1; then
		"$1_post" || return
	fi
	return 0
}

_rc_extra() {
	if _rc_lists "$1" "${extra_commands:-${opts:-}}"; then
		:
	elif _rc_lists "$1" "${extra_started_commands:-}"; then
		if service_inactive || ! service_started; then
			eerror "$RC_SVCNAME: cannot \`$1' as it has not been started"
			return 1
		fi
	elif _rc_lists "$1" "${extra_stopped_commands:-} cgroup_cleanup"; then
		if ! service_stopped; then
			eerror "$RC_SVCNAME: cannot \`$1' as it has not been stopped"
			return 1
		fi
	else
		eerror "$RC_SVCNAME: unknown function \`$1'"
		return 1
	fi
	if ! command -v "$1" >/dev/null 2>&1; then
		eerror "$RC_SVCNAME: the script lists the command \`$1' but has no function of that name"
		return 1
	fi
	_rc_call "$@"
}

_rc_configure() {
	[ ! -e "$RC_CONF" ] || sourcex "$RC_CONF"
	for _rc_file in "$RC_CONF.d"/*.conf; do
		[ ! -e "$_rc_file" ] || sourcex "$_rc_file"
	done
	_rc_base=${RC_SVCNAME%%.*}
	for _rc_file in "$_rc_base" "$RC_SVCNAME"; do
		[ "$_rc_file" = "$RC_SVCNAME" ] || [ -n "$_rc_file" ] || continue
		if [ -n "${RC_RUNLEVEL:-}" ] && [ -e "$RC_CONF_D/$_rc_file.$RC_RUNLEVEL" ]; then
			sourcex "$RC_CONF_D/$_rc_file.$RC_RUNLEVEL"
		elif [ -e "$RC_CONF_D/$_rc_file" ]; then
			sourcex "$RC_CONF_D/$_rc_file"
		fi
		[ "$_rc_base" != "$RC_SVCNAME" ] || break
	done
	return 0
}

_rc_configure
if yesno "${RC_DEBUG:-no}"; then
	set -x
fi
sourcex "$RC_SERVICE"
if yesno "${rc_verbose:-${RC_VERBOSE:-no}}"; then
	EINFO_VERBOSE=yes
	export EINFO_VERBOSE
fi
# Pairs of option and value; the shell's own ulimit takes only one.
_rc_ulimits() {
	if [ $(($# % 2)) -eq 1 ]; then
		eerror "$RC_SVCNAME: rc_ulimit is not a list of pairs like \`-n 100'"
		return 1
	fi
	while [ $# -gt 0 ]; do
		ulimit "$1" "$2" || eerror "$RC_SVCNAME: the limit \`$1 $2' cannot be set"
		shift 2
	done
}
case $1 in
	status | describe) ;;
	*) [ -z "${rc_ulimit:-${RC_ULIMIT:-}}" ] || _rc_ulimits ${rc_ulimit:-$RC_ULIMIT} ;;
esac

case $1 in
	start)
		if yesno "${IN_BACKGROUND:-no}" && _rc_lists start "${in_background_fake:-}"; then
			exit 0
		fi
		_rc_requirements && _rc_limits && _rc_call start
		;;
	stop)
		if yesno "${IN_BACKGROUND:-no}" && _rc_lists stop "${in_background_fake:-}"; then
			exit 0
		fi
		_rc_call stop
		_rc_result=$?
		if yesno "${rc_cgroup_cleanup:-no}"; then
			cgroup_cleanup
		fi
		exit $_rc_result
		;;
	status) _rc_call status ;;
	describe) _rc_describe ;;
	healthcheck | unhealthy) "$1" ;;
	*) _rc_extra "$@" ;;
esac
exit $?
