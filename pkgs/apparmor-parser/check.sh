set -e
# Upstream's tests of the parser, in $SRC/parser.
# Left out for their time: `equality.sh`, which compiles tens of thousands of pairs, and the thousands of profiles that `gen-xtrans.py`
# and `gen-dbus.py` generate for `simple.pl`. Left out for what they need: `caching.py` wants a kernel with AppArmor, and tests a
# cache that we do not use; `check_pod_files` is about the manual pages.
cd "$SRC/parser"
parser=../apparmor_parser

make CC="$CC" CXX="$CXX" CPP="$CC -E" AR="$AR" CFLAGS="-O2 -DRLIMIT_OFILE=RLIMIT_NOFILE" AALIB=-lapparmor \
    AARE_LDFLAGS=-L../libraries/libapparmor/src/.libs tst_regex tst_misc tst_symtab tst_variable tst_lib
for test in tst_regex tst_misc tst_symtab tst_variable tst_lib; do
    "./$test"
done

cd tst
python3 errors.py -p $parser
APPARMOR_PARSER="$parser --config-file=./parser.conf"
export APPARMOR_PARSER
bash ./dirtest.sh
bash ./minimize.sh
# Each hand-written profile, good or bad, must be taken or refused as its head says.
APPARMOR_PARSER=$parser prove simple.pl
