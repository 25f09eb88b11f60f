/* optional.c - members one by one, and lists that are whole or not there. */
#include "issuer/optional.h"

#include "common/span.h"

json_t *json_with(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

json_t *json_with_text(json_t *object, const char *name, const char *text)
{
	return text ? json_with(object, name, json_string(text)) : object;
}

json_t *json_with_number(json_t *object, const char *name, int64_t number)
{
	return number ? json_with(object, name, json_integer(number)) : object;
}

/* The same, of a list. */
static json_t * and (json_t * list, json_t *item)
{
	if (json_array_append_new(list, item) == 0)
		return list;
	json_decref(list);
	return NULL;
}

json_t *json_words(const char *words)
{
	json_t *all = json_array();
	struct span rest = span_str(words), word;
	while (span_cut(&rest, ' ', &word))
		all = and(all, json_stringn((const char *)word.at, word.len));
	return rest.len == 0 ? all
			     : and(all, json_stringn((const char *)rest.at,
						     rest.len));
}

json_t *audience_json(const char *first, size_t count)
{
	if (count == 1)
		return json_string(first);
	json_t *all = json_array();
	for (size_t i = 0; i < count; i++, first += strlen(first) + 1)
		all = and(all, json_string(first));
	return all;
}
