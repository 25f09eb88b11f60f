// format.js - times, lengths of time and numbers, as people say them.

import { el } from "./ui.js";

const DAY = 86400;
// From how many seconds on a time is said in this unit, and the unit's size.
const UNITS = [["year", 700 * DAY, 365.25 * DAY], ["month", 60 * DAY,
	30.44 * DAY], ["day", 1.5 * DAY, DAY], ["hour", 5400, 3600],
["minute", 60, 60]];

const NEAR = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const DATE = new Intl.DateTimeFormat("en-GB",
	{ day: "numeric", month: "short", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en-GB",
	{ dateStyle: "full", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { day: "numeric",
	month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const NUMBER = new Intl.NumberFormat("en");

export const number = (n) => NUMBER.format(n);
export const plural = (n, one, many = `${one}s`) =>
	`${number(n)} ${n === 1 ? one : many}`;
export const date = (when) => DATE.format(new Date(when));
export const dateAndTime = (when) => CLOCK.format(new Date(when));

// "in 12 days", "3 minutes ago".
export function relative(when, now = Date.now()) {
	const s = Math.round((new Date(when) - now) / 1000);
	for (const [unit, from, size] of UNITS)
		if (Math.abs(s) >= from)
			return NEAR.format(Math.round(s / size), unit);
	return s > 0 ? "in less than a minute" : "just now";
}

const HOURS = new Intl.DateTimeFormat("en-GB",
	{ hour: "2-digit", minute: "2-digit" });
const HOUR = 3600_000;

// Some time between `begin` and the end of its hour, of which no more is
// known.
export function withinHour(begin, now = Date.now()) {
	const from = new Date(begin);
	const to = new Date(Math.ceil((from.getTime() + 1) / HOUR) * HOUR);
	const hour = `${HOURS.format(from)} to ${HOURS.format(to)}`;
	const day = (t) => new Date(t).toDateString();
	if (now - from < HOUR)
		return "in the last hour";
	if (now - from < 2 * HOUR)
		return "in the last 2 hours";
	if (day(from) === day(now))
		return `today, ${hour}`;
	return day(from) === day(now - DAY * 1000) ? `yesterday, ${hour}`
		: relative(from, now);
}

// A <time>, near or as a date; the whole of it on hovering.
export function time(when, how = relative) {
	return el("time", { datetime: when, title: TIME.format(new Date(when)) },
		how(when));
}

// 2592000 -> "30 days"; two units at most, and only when it is not whole.
export function length(seconds) {
	const units = [["day", DAY], ["hour", 3600], ["minute", 60],
		["second", 1]];
	const first = Math.max(0, units.findIndex(([, n]) => seconds >= n));
	const words = [];
	for (const [unit, n] of units.slice(first, first + 2)) {
		const count = Math.floor(seconds / n);
		if (count || !words.length)
			words.push(plural(count, unit));
		seconds -= count * n;
	}
	return words.join(" ");
}
