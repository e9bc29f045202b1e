# Scripts of others source this name; all functions are in functions.sh.
. "${RC_LIBEXECDIR:-/usr/lib/rc}/sh/functions.sh"

_rc_net_fs='afs ceph cifs coda davfs fuse.sshfs glusterfs gfs2 lustre ncpfs nfs nfs4 ocfs2 shfs smbfs'

# is_net_fs TYPE-OF-FILE-SYSTEM or MOUNT-POINT
is_net_fs() {
	[ -n "$1" ] || return 1
	_rc_type=$1
	[ ! -d "$1" ] || _rc_type=$(mountinfo --fstype "$1")
	case " $_rc_net_fs ${extra_net_fs_list:-} " in
		*" $_rc_type "*) return 0 ;;
	esac
	return 1
}

is_union_fs() {
	[ ! -x /sbin/unionctl ] || unionctl "$1" --list >/dev/null 2>&1
	return 1
}
