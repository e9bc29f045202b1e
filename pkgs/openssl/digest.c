#include <string.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

/* The first bytes of the SHA-256 of "abc". */
static const unsigned char known[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };

int main(void)
{
    unsigned char out[32], drawn[2][16];
    unsigned int length = 0;
    if (EVP_Digest("abc", 3, out, &length, EVP_sha256(), NULL) != 1 || length != sizeof out)
        return 1;
    if (memcmp(out, known, sizeof known) != 0)
        return 2;
    if (RAND_bytes(drawn[0], sizeof drawn[0]) != 1 || RAND_bytes(drawn[1], sizeof drawn[1]) != 1)
        return 3;
    return memcmp(drawn[0], drawn[1], sizeof drawn[0]) == 0 ? 4 : 0;
}
