# Usage: changes.sh PROGRAM. In the build's container the machine's own files are the program's; they are few and ours.
set -eu
integrity=$1
mkdir -p /usr/lib/ashlar 2> /dev/null || {
    echo "/usr is read-only here: only the usage can be seen"
    ! "$integrity" 2> /tmp/said
    grep -q '^integrity: usage: ' /tmp/said
    ! "$integrity" check 2> /tmp/said
    grep -q '^integrity: there is no baseline yet' /tmp/said
    exit 0
}
