/* start.h - from settings to a running issuer, and back. */
#ifndef MM_ISSUER_START_H
#define MM_ISSUER_START_H

#include "issuer/issuer.h"
#include "issuer/sweep.h"
#include "issuer/warn_send.h"

/* Fill in what --dev means and check how the settings go together:
 * MM_ERR_INVALID with the setting's name. */
MM_MUST_USE enum mm_err settings_settle(struct issuer_settings *set,
					struct why *why);

/* The files that they name and that are read at a start alone, those of TLS,
 * and of the database's password:
 * MM_ERR_INVALID or MM_ERR_NOT_FOUND, MM_ERR_IO with a sentence. */
MM_MUST_USE enum mm_err settings_try_files(const struct issuer_settings *set,
					   struct why *why);

/* mintmarkd migrate: bring the store of these settings up to this release's
 * version, and print what came of it. */
MM_MUST_USE enum mm_err issuer_migrate(struct issuer *is, struct why *why);

struct running {
	struct issuer is;
	struct sweeper *sweeper;
	struct warner *warner; /* NULL: nobody is warned */
	bool first_start;      /* the keys were made just now */
	int lock_fd;	       /* of the folder, where the store is not in it */
	bool no_database; /* none that lets us in: why there was no start */
};

/* Make what is missing, then start every part.  On failure all is stopped
 * again. */
MM_MUST_USE enum mm_err issuer_start(struct running *r, struct why *why);
void issuer_stop(struct running *r);

#endif
