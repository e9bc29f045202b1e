# Builds and runs the chosen tests of upstream; called in the phase check.
set -eu

# Recipe of upstream = its programs. Each is run by upstream's own driver, with its data.
chosen='
test_sanity=sanitytest test_lhash=lhash_test test_time=time_test
test_internal_bn=bn_internal_test test_internal_asn1=asn1_internal_test test_internal_chacha=chacha_internal_test
test_internal_curve448=curve448_internal_test test_internal_ec=ec_internal_test test_internal_modes=modes_internal_test
test_internal_poly1305=poly1305_internal_test test_internal_ml_kem=ml_kem_internal_test
test_internal_x509=x509_internal_test test_internal_rsa_sp800_56b=rsa_sp800_56b_test
test_params_api=params_api_test test_asn1_decode=asn1_decode_test test_asn1_encode=asn1_encode_test test_membio=membio_test
test_cmac=cmactest test_hmac=hmactest test_rdcpu_sanity=rdcpu_sanitytest
test_bn=bntest test_exp=exptest test_dh=dhtest test_ecdsa=ecdsatest test_sha=sha_test test_aesgcm=aesgcmtest
test_evp_kdf=evp_kdf_test test_evp_xof=evp_xof_test test_evp_byname=evp_byname_test test_hpke=hpke_test
test_x509_time=x509_time_test test_asn1_time=asn1_time_test test_packet=packettest test_wpacket=wpackettest
test_cipherlist=cipherlist_test test_ciphername=ciphername_test test_sslapi=sslapitest
test_constant_time=constant_time_test test_secmem=secmemtest test_bio_base64=bio_base64_test
'
names=$(printf '%s\n' $chosen | sed 's/=.*//')
programs=$(printf '%s\n' $chosen | sed 's|.*=|test/|')

# Run by hand: upstream's recipes for these call the command line program as well.
direct='rsa_test ectest drbgtest'
make -s -C "$OBJ" util/wrap.pl util/shlib_wrap.sh $programs test/evp_test test/ssl_handshake_rtt_test $(printf 'test/%s ' $direct)

make -s -C "$OBJ" run_tests TESTS="$(echo $names)" HARNESS_JOBS="$JOBS"

# The published vectors, except those of algorithms that are not compiled in and that evp_test does not pass over itself.
cd "$OBJ/test"
for vectors in "$SRC"/test/recipes/30-test_evp_data/*.txt; do
    case ${vectors##*/} in
        evppkey_dsa* | evppkey_ml_dsa* | evppkey_slh_dsa* | evppkey_sm2* | *_siv* | *argon2* | *x942_des* | *cmac_des*) continue ;;
    esac
    ./evp_test -config "$SRC/test/default.cnf" "$vectors" > "$OBJ/vectors.log" 2>&1 || {
        cat "$OBJ/vectors.log"
        echo "evp_test fails with $vectors" >&2
        exit 1
    }
done
for program in $direct; do
    ./$program
done
