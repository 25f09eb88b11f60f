/* libfuzzer.c - a harness as libFuzzer wants it, which brings main(). */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(span_of(data, size));
	return 0; /* LLVM 14 knows no other answer */
}
