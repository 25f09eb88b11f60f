/* test_store_copy.c - tables in PostgreSQL that are being filled, and the
 * database is gone. */
#include "tests/unit/store_fixture.h"

#include "issuer/store_copy.h"
#include "issuer/store_pg.h"

/* libpq has no answer then that would say why. */
static void there_is_no_answer(void **state)
{
	struct fixture *f = *state;
	struct conn *c = NULL;
	struct why why = { .text = "" };
	assert_int_equal(pg_open(f->path, false, &c, &why), MM_OK);
	PQclear(PQexec(pg_of(c)->pg,
		       "SELECT pg_terminate_backend(pg_backend_pid())"));
	assert_int_equal(pg_copy_begin(c, COPY_token), MM_ERR_UNAVAILABLE);
	assert_string_equal(c->db->trouble(c), "no connection to the server");
	/* and once that is known */
	assert_int_equal(pg_copy_begin(c, COPY_token), MM_ERR_UNAVAILABLE);
	assert_string_not_equal(c->db->trouble(c), "");
	pg_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_is_no_answer, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
