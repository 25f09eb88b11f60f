/* files.h - the console's files, all of them: what is listed here is compiled
 * into mintmarkd, and served.  X(symbol, name)
 *
 * Read by C (console.c) and by the assembler (files.S). */
/* clang-format off */
#define CONSOLE_FILES(X) \
	X(index_html,       "index.html") \
	X(style_css,        "style.css") \
	X(icon_svg,         "icon.svg") \
	X(main_js,          "main.js") \
	X(api_js,           "api.js") \
	X(route_js,         "route.js") \
	X(ui_js,            "ui.js") \
	X(format_js,        "format.js") \
	X(form_js,          "form.js") \
	X(life_js,          "life.js") \
	X(scope_js,         "scope.js") \
	X(network_js,       "network.js") \
	X(dialog_js,        "dialog.js") \
	X(copy_js,          "copy.js") \
	X(pages_js,         "pages.js") \
	X(chart_js,         "chart.js") \
	X(token_words_js,   "token_words.js") \
	X(token_table_js,   "token_table.js") \
	X(token_change_js,  "token_change.js") \
	X(token_shown_js,   "token_shown.js") \
	X(page_signin_js,   "page_signin.js") \
	X(page_overview_js, "page_overview.js") \
	X(page_people_js,   "page_people.js") \
	X(page_person_js,   "page_person.js") \
	X(page_tokens_js,   "page_tokens.js") \
	X(page_token_js,    "page_token.js") \
	X(page_create_js,   "page_create.js") \
	X(page_audit_js,    "page_audit.js") \
	X(page_keys_js,     "page_keys.js")
/* clang-format on */
