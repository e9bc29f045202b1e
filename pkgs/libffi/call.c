/* Calls a function by the description of its types, and makes one that calls back. */
#include <ffi.h>
#include <math.h>
#include <stddef.h>

static void twice(ffi_cif *types, void *result, void **arguments, void *extra)
{
	(void)types;
	*(double *)result = 2 * *(double *)arguments[0] + *(int *)extra;
}

int main(void)
{
	double base = 3, power = 4, result;
	ffi_type *two[] = { &ffi_type_double, &ffi_type_double };
	void *values[] = { &base, &power };
	int extra = 1;
	void *code;
	ffi_cif types;

	if (ffi_prep_cif(&types, FFI_DEFAULT_ABI, 2, &ffi_type_double, two) != FFI_OK)
		return 1;
	ffi_call(&types, FFI_FN(pow), &result, values);
	if (result != 81)
		return 2;
	ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
	if (!closure || ffi_prep_cif(&types, FFI_DEFAULT_ABI, 1, &ffi_type_double, two) != FFI_OK)
		return 3;
	if (ffi_prep_closure_loc(closure, &types, twice, &extra, code) != FFI_OK)
		return 4;
	return ((double (*)(double))code)(20.5) != 42;
}
