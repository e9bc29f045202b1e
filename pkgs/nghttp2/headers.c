/* Packs a header twice, the second time by its place in the table, and unpacks it. */
#include <nghttp2/nghttp2.h>
#include <string.h>

int main(void)
{
	nghttp2_nv header = { (uint8_t *)"x-color", (uint8_t *)"green", 7, 5, NGHTTP2_NV_FLAG_NONE }, back;
	nghttp2_hd_deflater *pack;
	nghttp2_hd_inflater *unpack;
	uint8_t data[64];
	int flags;

	if (nghttp2_hd_deflate_new(&pack, 4096) || nghttp2_hd_inflate_new(&unpack))
		return 1;
	for (int round = 0; round < 2; round++) {
		nghttp2_ssize size = nghttp2_hd_deflate_hd2(pack, data, sizeof data, &header, 1);

		if (round ? size != 1 : size < 8)
			return 2;
		if (nghttp2_hd_inflate_hd3(unpack, &back, &flags, data, (size_t)size, 1) != size)
			return 3;
		if (back.valuelen != 5 || memcmp(back.value, "green", 5) || memcmp(back.name, "x-color", 7))
			return 4;
		nghttp2_hd_inflate_end_headers(unpack);
	}
	return 0;
}
