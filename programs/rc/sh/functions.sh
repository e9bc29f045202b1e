# Functions for service scripts: messages, yes and no, small questions.
# Sourced by openrc-run.sh, and by scripts of people. POSIX sh, no process is started by any of the common ones.

: "${RC_LIBEXECDIR:=/usr/lib/rc}" "${RC_SVCDIR:=/run/openrc}"

_rc_good='' _rc_warn='' _rc_bad='' _rc_bracket='' _rc_normal='' _rc_line='' _rc_column=''
if [ -t 1 ] && [ -t 2 ]; then
	_rc_line='
'
	case ${TERM:-dumb} in
		dumb) ;;
		*)
			_rc_escape=$(printf '\033')
			[ -z "${RC_COLUMNS:-}" ] || _rc_column="${_rc_escape}[A${_rc_escape}[$((RC_COLUMNS - 8))C"
			case ${RC_NOCOLOR:-no}${NO_COLOR:+yes}${EINFO_COLOR:-yes} in
				[Nn][Oo][Yy][Ee][Ss] | [Nn][Oo][Tt][Rr][Uu][Ee] | [Nn][Oo]1)
					_rc_good="${_rc_escape}[1m${_rc_escape}[32m" _rc_warn="${_rc_escape}[1m${_rc_escape}[33m"
					_rc_bad="${_rc_escape}[1m${_rc_escape}[31m" _rc_bracket="${_rc_escape}[1m${_rc_escape}[34m"
					_rc_normal="${_rc_escape}[m"
					;;
			esac
			;;
	esac
fi
_rc_spaces='                                        '

# yesno VALUE or yesno VARIABLE
yesno() {
	case ${1:-} in
		[Yy][Ee][Ss] | [Tt][Rr][Uu][Ee] | [Oo][Nn] | 1) return 0 ;;
		[Nn][Oo] | [Ff][Aa][Ll][Ss][Ee] | [Oo][Ff][Ff] | 0 | '') return 1 ;;
		*[!A-Za-z0-9_]* | [0-9]*) vewarn "\$$1 is not set properly"; return 1 ;;
	esac
	eval "_rc_value=\${$1:-}"
	case $_rc_value in
		[Yy][Ee][Ss] | [Tt][Rr][Uu][Ee] | [Oo][Nn] | 1) return 0 ;;
		[Nn][Oo] | [Ff][Aa][Ll][Ss][Ee] | [Oo][Ff][Ff] | 0 | '') return 1 ;;
	esac
	vewarn "\$$1 is not set properly"
	return 1
}

_rc_quiet() { yesno "${EINFO_QUIET:-no}"; }
# Without a terminal ebegin and einfon leave their line open; what is said next, also by a program, begins a new one.
_rc_indented() {
	case ${EINFO_LASTCMD:-} in
		*n) echo ;;
	esac
	EINFO_LASTCMD=
	printf ' %s*%s %.*s%s' "$1" "$_rc_normal" "${EINFO_INDENT:-0}" "$_rc_spaces" "$2"
}
_rc_opened() {
	_rc_indented "$2" "$3"
	[ -n "$_rc_line" ] || { EINFO_LASTCMD=$1 && export EINFO_LASTCMD; }
}

einfon() { _rc_quiet || _rc_opened einfon "$_rc_good" "$*"; return 0; }
einfo() { _rc_quiet || { _rc_indented "$_rc_good" "$*"; echo; }; return 0; }
ewarnn() { _rc_quiet || _rc_opened ewarnn "$_rc_warn" "$*" >&2; return 0; }
ewarn() { _rc_quiet || { _rc_indented "$_rc_warn" "$*"; echo; } >&2; return 0; }
eerrorn() { yesno "${EERROR_QUIET:-no}" || _rc_opened eerrorn "$_rc_bad" "$*" >&2; return 1; }
eerror() { yesno "${EERROR_QUIET:-no}" || { _rc_indented "$_rc_bad" "$*"; echo; } >&2; return 1; }
ebegin() { _rc_quiet || { _rc_opened ebegin "$_rc_good" "$* ..."; printf '%s' "$_rc_line"; }; return 0; }

# _rc_end FUNCTION COLOUR CODE [MESSAGE]: with a message all of it is an error.
_rc_end() {
	_rc_say=$1 _rc_colour=$2 _rc_code=${3:-0}
	[ $# -lt 3 ] && shift 2 || shift 3
	if [ "$_rc_code" = 0 ]; then
		_rc_mark "$_rc_good" ok
	elif [ -z "$*" ]; then
		_rc_mark "$_rc_colour" '!!'
	else
		# A terminal has the verdict at the end of the line above, wherever that is.
		if [ -n "$_rc_line" ] || _rc_quiet; then "$_rc_say" "$*"; else "${_rc_say}n" "$*"; fi
		_rc_mark "$_rc_colour" '!!' >&2
	fi
	return "$_rc_code"
}
_rc_mark() {
	EINFO_LASTCMD=
	_rc_quiet || printf '%s %s[ %s%s%s ]%s\n' "$_rc_column" "$_rc_bracket" "$1" "$2" "$_rc_bracket" "$_rc_normal"
}
eend() { _rc_end eerror "$_rc_bad" "$@"; }
ewend() { _rc_end ewarn "$_rc_warn" "$@"; }
eindent() { EINFO_INDENT=$((${EINFO_INDENT:-0} + 2)); [ "$EINFO_INDENT" -le 40 ] || EINFO_INDENT=40; export EINFO_INDENT; }
eoutdent() { EINFO_INDENT=$((${EINFO_INDENT:-0} - 2)); [ "$EINFO_INDENT" -ge 0 ] || EINFO_INDENT=0; export EINFO_INDENT; }

_rc_verbose() { yesno "${EINFO_VERBOSE:-no}"; }
veinfo() { ! _rc_verbose || einfo "$@"; }
veinfon() { ! _rc_verbose || einfon "$@"; }
vewarn() { ! _rc_verbose || ewarn "$@"; }
veerror() { ! _rc_verbose || eerror "$@"; }
vebegin() { ! _rc_verbose || ebegin "$@"; }
veend() { if _rc_verbose; then eend "$@"; else return "${1:-0}"; fi; }
vewend() { if _rc_verbose; then ewend "$@"; else return "${1:-0}"; fi; }
veindent() { ! _rc_verbose || eindent; }
veoutdent() { ! _rc_verbose || eoutdent; }

# sourcex [-e] FILE: -e: it need not exist
sourcex() {
	if [ "$1" = -e ]; then
		shift
		[ -e "$1" ] || return 1
	fi
	if ! . "$1"; then
		eerror "$RC_SVCNAME: error loading $1"
		exit 1
	fi
}

# ewaitfile SECONDS FILE...: below 1 waits without end
ewaitfile() {
	_rc_left=$1
	[ "$1" -ge 1 ] || _rc_left=-1
	shift
	for _rc_file; do
		ebegin "Waiting for $_rc_file"
		while ! [ -e "$_rc_file" ]; do
			[ "$_rc_left" != 0 ] || { eend 1 "$_rc_file did not appear in time"; return 1; }
			sleep 1
			[ "$_rc_left" -lt 0 ] || _rc_left=$((_rc_left - 1))
		done
		eend 0
	done
}

# get_bootparam WORD: whether the kernel's command line has WORD, or one of a list like rc=a,b (with a dash: not)
get_bootparam() {
	[ -n "$1" ] && [ -r /proc/cmdline ] || return 1
	read -r _rc_line_of_kernel </proc/cmdline
	for _rc_word in $_rc_line_of_kernel; do
		case $_rc_word in
			"$1") return 0 ;;
			gentoo=*)
				case ,${_rc_word#*=}, in
					*,"$1",*) return 0 ;;
				esac
				;;
		esac
	done
	return 1
}
get_bootparam_value() {
	[ -n "$1" ] && [ -r /proc/cmdline ] || return 1
	read -r _rc_line_of_kernel </proc/cmdline
	for _rc_word in $_rc_line_of_kernel; do
		case $_rc_word in
			"$1"=*) printf '%s\n' "${_rc_word#*=}"; return 0 ;;
		esac
	done
	return 1
}

# on_ac_power: 0 on mains, 1 on battery, 255 if the machine does not tell
on_ac_power() {
	_rc_power=255
	for _rc_supply in /sys/class/power_supply/*; do
		[ -r "$_rc_supply/online" ] && read -r _rc_value <"$_rc_supply/type" || continue
		[ "$_rc_value" = Mains ] || continue
		read -r _rc_value <"$_rc_supply/online" || continue
		[ "$_rc_value" != 1 ] || return 0
		_rc_power=1
	done
	return $_rc_power
}

_rc_in_state() { [ -L "$RC_SVCDIR/$1/${2:-$RC_SVCNAME}" ]; }
service_started() { _rc_in_state started "$@"; }
service_starting() { _rc_in_state starting "$@"; }
service_stopping() { _rc_in_state stopping "$@"; }
service_inactive() { _rc_in_state inactive "$@"; }
service_wasinactive() { _rc_in_state wasinactive "$@"; }
service_hotplugged() { _rc_in_state hotplugged "$@"; }
service_failed() { _rc_in_state failed "$@"; }
service_stopped() {
	! _rc_in_state started "$@" && ! _rc_in_state starting "$@" && ! _rc_in_state stopping "$@" && ! _rc_in_state inactive "$@"
}
