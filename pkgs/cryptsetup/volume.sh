# A volume in a file, as the installer makes it: argon2id, AES-XTS with 512 bits, sectors of 4096 bytes. volume.sh PROGRAM
set -eu
cryptsetup=$1
volume=/tmp/volume
truncate -s 64M "$volume"
fast='--pbkdf argon2id --pbkdf-memory 8192 --pbkdf-force-iterations 4 --pbkdf-parallel 1'
opens() { printf %s "$1" | "$cryptsetup" open --test-passphrase "$volume" -d -; }

# shellcheck disable=SC2086 # these are words
printf first | "$cryptsetup" luksFormat --batch-mode --type luks2 --cipher aes-xts-plain64 --key-size 512 --sector-size 4096 \
    $fast "$volume" -d -
"$cryptsetup" luksDump "$volume" > /tmp/dump
grep -q 'PBKDF: *argon2id' /tmp/dump
grep -q 'cipher: aes-xts-plain64' /tmp/dump
grep -q 'sector: 4096 \[bytes\]' /tmp/dump
opens first
if opens other 2> /dev/null; then echo 'a wrong passphrase opens it' >&2 && exit 1; fi

# A second key, of those that need no slow function, and the first one taken away.
printf second > /tmp/second
printf first | "$cryptsetup" luksAddKey --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$volume" /tmp/second -d -
opens second
printf second | "$cryptsetup" luksKillSlot --batch-mode "$volume" 0 -d -
if opens first 2> /dev/null; then echo 'a removed key opens it' >&2 && exit 1; fi

# The first of the two headers damaged: the second one opens, and repairs it.
printf damaged | dd of="$volume" bs=1 seek=4096 conv=notrunc 2> /dev/null
opens second
"$cryptsetup" repair --batch-mode "$volume"
opens second
