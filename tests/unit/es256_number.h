/* es256_number.h - an ES256 signature's r and s, changed one by one. */
#ifndef MM_TESTS_ES256_NUMBER_H
#define MM_TESTS_ES256_NUMBER_H

#include <openssl/bn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The order of P-256 (SEC 2 s2.4.2): r and s lie below it. */
#define ORDER "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"

/* What r and s become: '.' as they are, 'n' the group's order, 'x' the
 * other one, '-' the order less it, else a number. */
static inline void put_number(uint8_t *to, const uint8_t *was,
			      const uint8_t *other, char how)
{
	BIGNUM *n = NULL, *v = BN_bin2bn(was, 32, NULL);
	assert_int_not_equal(BN_hex2bn(&n, ORDER), 0);
	if (how == 'n')
		BN_copy(v, n);
	else if (how == '-')
		BN_sub(v, n, v);
	else if (how == 'x')
		BN_bin2bn(other, 32, v);
	else if (how == 'F')
		BN_hex2bn(&v, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
			      "FFFFFFFFFFFFFFFFFF");
	else if (how != '.')
		BN_set_word(v, (BN_ULONG)(how - '0'));
	assert_int_equal(BN_bn2binpad(v, to, 32), 32);
	BN_free(v);
	BN_free(n);
}

#endif
