/* Seals a message for the owner of a key, opens it, and refuses a changed one. */
#include <sodium.h>
#include <string.h>

int main(void)
{
	static const unsigned char message[] = "for one reader";
	unsigned char public[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
	unsigned char sealed[sizeof message + crypto_box_SEALBYTES], opened[sizeof message];

	if (sodium_init() || crypto_box_keypair(public, secret))
		return 1;
	if (crypto_box_seal(sealed, message, sizeof message, public))
		return 2;
	if (crypto_box_seal_open(opened, sealed, sizeof sealed, public, secret) || memcmp(message, opened, sizeof message))
		return 3;
	sealed[sizeof sealed - 1] ^= 1;
	return crypto_box_seal_open(opened, sealed, sizeof sealed, public, secret) != -1;
}
