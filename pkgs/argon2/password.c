/* Hashes as upstream's list of known answers has it, and tells passwords apart. */
#include <argon2.h>
#include <string.h>

#define KNOWN "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

int main(void)
{
	char hash[128];

	if (argon2id_hash_encoded(2, 256, 1, "password", 8, "somesalt", 8, 32, hash, sizeof hash) != ARGON2_OK)
		return 1;
	if (strcmp(hash, KNOWN))
		return 2;
	return argon2id_verify(KNOWN, "password", 8) != ARGON2_OK ||
	       argon2id_verify(KNOWN, "Password", 8) != ARGON2_VERIFY_MISMATCH;
}
