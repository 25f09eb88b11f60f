/* metrics.h - what Prometheus is told of a mintmarkd. */
#ifndef MM_ISSUER_METRICS_H
#define MM_ISSUER_METRICS_H

#include "issuer/issuer.h"

/* Serve the metrics where the settings say, if they do; http_stop() of
 * is->metrics_http ends it. */
MM_MUST_USE enum mm_err issuer_metrics_start(struct issuer *is,
					     struct why *why);

#endif
