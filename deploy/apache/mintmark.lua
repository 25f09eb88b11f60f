-- mintmark.lua - ask mintmark-agent about each request.  For mod_lua (Debian:
-- apache2 and lua-socket), as an access checker:
--
--	LuaHookAccessChecker /etc/apache2/mintmark/mintmark.lua webdav
--
-- Every way out of here but one refuses: an error while asking is 503, with a
-- line in the error log, and one in this script itself 500.
-- Lines that are yours to change end in "-- yours".

local AGENT = "/run/mintmark/auth.sock" -- yours
local NODES = "/etc/apache2/mintmark/nodes.map" -- yours
local TIMEOUT = 2 -- seconds

local socket = require "socket"
socket.unix = require "socket.unix"

-- "/PATH" or "127.0.0.1:PORT": as in the agent's --listen.
local function connect()
	local s, ok, why
	local host, port = AGENT:match("^([^/]+):(%d+)$")
	s = host and socket.tcp() or socket.unix()
	s:settimeout(TIMEOUT, "t")
	if host then
		ok, why = s:connect(host, tonumber(port))
	else
		ok, why = s:connect(AGENT)
	end
	if not ok then
		error("agent at " .. AGENT .. ": " .. why, 0)
	end
	return s
end

-- The agent's status and headers.  A name that comes twice is a list.
local function receive(s)
	local line = assert(s:receive("*l"))
	local status = tonumber(line:match("^HTTP/1%.1 (%d%d%d)"))
	local headers = {}
	while true do
		line = assert(s:receive("*l"))
		if line == "" then
			return status, headers
		end
		local name, value = line:match("^([^:]+):%s*(.-)%s*$")
		name = name:lower()
		headers[name] = headers[name] or {}
		table.insert(headers[name], value)
	end
end

-- Authorization goes as the client sent it.  Apache lets no line break through
-- and joins two headers of a name by a comma, which makes no credentials.
-- Where the client is, for tokens that are limited to addresses (cidr), says
-- Apache itself: behind another proxy mod_remoteip tells it whom to believe.
local function ask(need, address, authorization)
	local s = connect()
	assert(s:send("GET /auth?need=header HTTP/1.1\r\nHost: mintmark\r\n" ..
		"Connection: close\r\nX-Mintmark-Need: " .. need .. "\r\n" ..
		"X-Forwarded-For: " .. address .. "\r\n" ..
		(authorization and "Authorization: " .. authorization .. "\r\n" or "") ..
		"\r\n"))
	local status, headers = receive(s)
	s:close()
	return status, headers
end

-- In any spelling that what is behind may take for ours: CGI and its kin make
-- "_" of all that is no letter or digit.  What Connection
-- names mod_proxy would take away again.
local function forget_what_the_client_says(r)
	if (r.headers_in["Connection"] or ""):lower():find("mintmark", 1, true) then
		r.headers_in["Connection"] = nil
	end
	for name in pairs(r:headers_in_table()) do
		if name:lower():gsub("[^%w]", "-"):find("^x%-mintmark") then
			r.headers_in[name] = nil
		end
	end
end

local NAMES = { "User", "Id", "Scopes", "Expires" }

-- A token that is near its end has a Sunset (see the agent's --warn-before): its
-- client hears of it, whatever the service answers.
local function tell_its_end(r, headers)
	if headers["sunset"] then
		r.err_headers_out["Sunset"] = headers["sunset"][1]
		r.err_headers_out["X-Mintmark-Expires"] =
			headers["x-mintmark-expires"][1]
	end
end

local function let_in(r, headers)
	for _, name in ipairs(NAMES) do
		local value = headers["x-mintmark-" .. name:lower()]
		if value then
			r.headers_in["X-Mintmark-" .. name] = value[1]
		end
	end
	tell_its_end(r, headers)
	r.user = headers["x-mintmark-user"][1]
	return apache2.OK
end

local function refuse(r, status, headers)
	-- Of two challenges, Bearer; from here Apache takes each header once.
	for _, name in ipairs { "WWW-Authenticate", "Retry-After" } do
		local values = headers[name:lower()]
		r.err_headers_out[name] = values and values[1]
	end
	local why = headers["x-mintmark-reason"]
	local says = "mintmark: " .. status .. " " .. (why and why[1] or "")
	if status == 400 or status == 401 or status == 403 then
		r:info(says)
		return status
	end
	r:err(says .. ": stale, or asked nonsense; see the agent's log")
	return 503
end

-- An access checker: lets in who has a token that is good for need(r).
local function door(need)
	local function check(r)
		forget_what_the_client_says(r)
		local status, headers = ask(need(r), r.useragent_ip,
			r.headers_in["Authorization"])
		return status == 200 and let_in(r, headers) or
			refuse(r, status, headers)
	end
	return function(r)
		local ok, answer = pcall(check, r)
		if ok then
			return answer
		end
		r:err("mintmark: " .. tostring(answer))
		return 503
	end
end

-- nodes.map: the same file as for nginx, which explains it.
local nodes, nodes_time

local function read_nodes(r)
	local stat = assert(r:stat(NODES), NODES .. ": cannot be read")
	if nodes_time == stat.mtime then
		return nodes
	end
	local lines, number = {}, 0
	for line in io.lines(NODES) do
		number = number + 1
		local regex, ids = line:match('^%s*"~(%^[^"]*)"%s+"([%w%$+._-]*)"%s*;%s*$')
		if regex and (regex == "^/" or regex:sub(-6) == "(/|\\z)") then
			table.insert(lines, { regex = regex, ids = ids })
		elseif not line:match("^%s*#") and not line:match("^%s*$") then
			error(NODES .. ":" .. number .. ': not of the form "~^/PATH(/|\\z)" "IDS";', 0)
		end
	end
	nodes, nodes_time = lines, stat.mtime
	return nodes
end

-- A path that is what it says: no dots to follow, nothing to interpret.
local function is_plain(path)
	return not path:find("[%c\\?#]") and not path:find("//", 1, true) and
		not (path .. "/"):find("/%.%.?/")
end

-- The ids of a path and of the folders around it; "" when there is none, or a
-- $1 is what could rewrite the question.
local function ids_of(r, path)
	if not path or not is_plain(path) then
		return ""
	end
	for _, node in ipairs(read_nodes(r)) do
		local found = r:regex(path, node.regex)
		if found then
			local odd = false
			local ids = node.ids:gsub("%$(%d)", function(n)
				local name = found[tonumber(n)] or ""
				odd = odd or not name:find("^[%w_-]+$")
				return name
			end)
			return odd and "" or ids
		end
	end
	return ""
end

-- The path of COPY's and MOVE's Destination, decoded, as mod_dav reads it.
local function destination(r)
	local given = r.headers_in["Destination"] or ""
	local path = given:match("^https?://[^/?#]+(/[^?#]*)$") or
		given:match("^/[^?#]*$")
	path = path and path:gsub("%%(%x%x)", function(hex)
		return string.char(tonumber(hex, 16))
	end)
	return path
end

-- ---- the doors: what is needed where (PROTOCOL.md, section 11) ----

local may_dav = door(function(r)
	return "type=node&ids=" .. ids_of(r, r.uri) ..
		"&to=" .. ids_of(r, destination(r)) ..
		"&method=" .. r:escape(r.method)
end)

-- A file copied over a folder around it: mod_dav deletes the folder first,
-- and the file with it.  (With folders it looks.)  mod_dav has us asked about
-- the Destination, too, which is not around itself.
local function leads_around_itself(r)
	if r.method ~= "COPY" and r.method ~= "MOVE" then
		return false
	end
	local to = destination(r)
	if not to or not is_plain(to) then
		return true
	end
	local folder = to:gsub("/$", "") .. "/"
	return #r.uri > #folder and r.uri:sub(1, #folder) == folder
end

function webdav(r)
	local answer = may_dav(r)
	if answer == apache2.OK and leads_around_itself(r) then
		return 403
	end
	return answer
end

local READING = { GET = true, HEAD = true, OPTIONS = true }

photos = door(function(r)
	return "audience=photos&scope=" ..
		(READING[r.method] and "photos:read" or "photos:write")
end)
