/* Compresses text in a block, reads it back, and refuses a damaged block. */
#include <lz4.h>
#include <string.h>

int main(void)
{
	char text[4096], packed[4096], back[4096];
	int size;

	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = (char)(i >> 4);
	size = LZ4_compress_default(text, packed, sizeof text, sizeof packed);
	if (size <= 0 || size > (int)sizeof text / 2)
		return 1;
	if (LZ4_decompress_safe(packed, back, size, sizeof back) != sizeof text || memcmp(text, back, sizeof text))
		return 2;
	return LZ4_decompress_safe(packed, back, size - 1, sizeof back) >= 0;
}
