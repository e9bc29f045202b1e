/* Compresses text, reads it back, and notices one changed bit. */
#include <bzlib.h>
#include <string.h>

int main(void)
{
	char text[4096], packed[4096], back[4096];
	unsigned packed_size = sizeof packed, back_size = sizeof back;

	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = (char)(i >> 4);
	if (BZ2_bzBuffToBuffCompress(packed, &packed_size, text, sizeof text, 9, 0, 0) != BZ_OK)
		return 1;
	if (BZ2_bzBuffToBuffDecompress(back, &back_size, packed, packed_size, 0, 0) != BZ_OK)
		return 2;
	if (back_size != sizeof text || memcmp(text, back, sizeof text))
		return 3;
	packed[packed_size / 2] ^= 1;
	back_size = sizeof back;
	return BZ2_bzBuffToBuffDecompress(back, &back_size, packed, packed_size, 0, 0) != BZ_DATA_ERROR;
}
