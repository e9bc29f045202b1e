# Prints what service scripts say in depend(): the text that src/depend/text.rs reads.
#
#   sh depend.sh INIT_D CONF_D RC_CONF LIBEXEC EMPTY [SERVICE VARIABLE]...
#
# One shell for all scripts, a subshell for each: what one script breaks stays its own. VARIABLE is the service's name
# as rc.conf writes it in rc_NAME_need, EMPTY an empty directory. Scripts can write to standard output as they like: ours is moved to 3.
exec 3>&1 >/dev/null

_init_d=$1 _conf_d=$2 _rc_conf=$3 RC_LIBEXECDIR=$4 _empty=$5
shift 5
export RC_LIBEXECDIR

# A call in depend() becomes a line. Unquoted on purpose: names are separated by any white space, also within a word.
# The working directory is empty, so `*` stays what it is; other patterns (`net.*`) mean scripts.
_say() {
	case $* in
	*[*?[]*[a-zA-Z]* | *[a-zA-Z]*[*?[]*) _patterns "$@" >&3 ;;
	*) echo $* >&3 ;;
	esac
}
_patterns() (
	_line=$1
	shift
	for _word in $*; do
		[ "$_word" = '*' ] || _word=$(cd "$_init_d" && echo $_word)
		_line="$_line $_word"
	done
	set -f
	echo $_line
)
config() { [ $# -eq 0 ] || _say config "$@"; }
need() { [ $# -eq 0 ] || _say need "$@"; }
need_if_exists() {
	for _word in $*; do
		[ ! -e "$_init_d/$_word" ] || need "$_word"
	done
}
use() { [ $# -eq 0 ] || _say use "$@"; }
want() { [ $# -eq 0 ] || _say want "$@"; }
before() { [ $# -eq 0 ] || _say before "$@"; }
after() { [ $# -eq 0 ] || _say after "$@"; }
provide() { [ $# -eq 0 ] || _say provide "$@"; }
keyword() { [ $# -eq 0 ] || _say keyword "$@"; }

# Scripts call these while they are read, too; nobody is to see or wait for anything now.
depend() { :; }
yesno() {
	case $1 in
	[Yy][Ee][Ss] | [Tt][Rr][Uu][Ee] | [Oo][Nn] | 1) return 0 ;;
	[Nn][Oo] | [Ff][Aa][Ll][Ss][Ee] | [Oo][Ff][Ff] | 0 | '') return 1 ;;
	esac
	case $1 in *[!A-Za-z0-9_]* | [0-9]*) return 1 ;; esac
	eval "_value=\${$1-}"
	case $_value in
	[Yy][Ee][Ss] | [Tt][Rr][Uu][Ee] | [Oo][Nn] | 1) return 0 ;;
	esac
	return 1
}
for _name in einfo einfon ewarn ewarnn eerror eerrorn ebegin eend ewend eindent eoutdent esyslog veinfo vewarn vebegin \
	veend vewend veindent veoutdent; do
	eval "$_name() { return 0; }"
done

# Order as openrc-run has it: rc.conf, its directory, conf.d of the part before the dot, conf.d of the service, script.
_read() { if [ -e "$1" ]; then . "$1"; fi; }
_read "$_rc_conf"
for _file in "$_rc_conf.d"/*.conf; do
	_read "$_file"
done

# rc_NAME_need in rc.conf, else rc_need in conf.d.
_configured() {
	for _kind in config need use want before after provide keyword; do
		eval "_words=\${rc_${_variable}_${_kind}-}"
		[ -n "$_words" ] || eval "_words=\${rc_${_kind}-}"
		[ -z "$_words" ] || "$_kind" $_words
	done
}

# 7 tells "came to the end" from a script that ends the shell itself.
_one() {
	_general=$_conf_d/${RC_SVCNAME%%.*}
	[ "$_general" = "$_conf_d/$RC_SVCNAME" ] || _read "$_general"
	_read "$_conf_d/$RC_SVCNAME"
	. "$RC_SERVICE"
	cd "$_empty"
	depend
	_configured
	exit 7
}

while [ $# -gt 1 ]; do
	RC_SVCNAME=$1 SVCNAME=$1 RC_SERVICE=$_init_d/$1 _variable=$2
	export RC_SVCNAME SVCNAME RC_SERVICE
	shift 2
	echo "service $RC_SVCNAME" >&3
	(_one)
	if [ $? -eq 7 ]; then echo "end 0"; else echo "end 1"; fi >&3
done
echo "done" >&3
