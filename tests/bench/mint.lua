-- mint.lua - wrk asks for one token after another.  The administrator's
-- token comes in the environment: arguments can be seen by everybody.
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("MM_BENCH_TOKEN")
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{"user":"alice","label":"bench","expires_in":86400,]]
	.. [["scopes":["photos:read"]}]]

function done(summary, latency, _)
	local e = summary.errors
	io.write(string.format(
		'{"count":%d,"us":%d,"errors":%d,"p50_us":%d,"p99_us":%d}\n',
		summary.requests, summary.duration,
		e.connect + e.read + e.write + e.status + e.timeout,
		latency:percentile(50), latency:percentile(99)))
end
