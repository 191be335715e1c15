-- SPDX-License-Identifier: ISC
-- What Lua asks of a libc: numbers to text and back, strings, patterns, sorting, memory, errors by
-- longjmp, coroutines, time. Prints a line for each; returns whether all hold.
local all = true
local function check(what, ok)
  print((ok and "ok" or "not ok") .. " - " .. what)
  all = all and ok
end

check("floating-point numbers print, and read back the same", tostring(0.1) == "0.1" and tostring(1e300) == "1e+300"
  and tonumber(string.format("%.17g", 1 / 3)) == 1 / 3 and string.format("%a", 0.5) == "0x1p-1")
check("64-bit integers", math.maxinteger == 9223372036854775807 and string.format("%d", math.mininteger) == "-9223372036854775808")
check("numbers read back", tonumber("0x1.8p1") == 3.0 and tonumber("1e-5") == 0.00001 and tonumber("zz") == nil)
check("mathematics", math.abs(math.sin(1) - 0.8414709848078965) < 1e-15 and math.exp(0) == 1 and 2 ^ 0.5 == math.sqrt(2)
  and math.floor(-3.5) == -4 and 7 // 2 == 3 and -7 % 3 == 2 and math.fmod(-7, 3) == -1)
check("strings", ("%s|%5d|%-5s|%05.1f|%q"):format("a", 42, "b", 3.14159, "x\n") == 'a|   42|b    |003.1|"x\\\n"')
check("patterns", ("key = value"):match("^(%w+)%s*=%s*(%w+)$") == "key" and ("hello"):gsub("l", "L") == "heLLo")
local t = {}
for i = 1, 10000 do t[i] = (i * 7919) % 10007 end
table.sort(t)
local sorted = true
for i = 2, #t do sorted = sorted and t[i - 1] <= t[i] end
check("sorting 10,000 numbers", sorted)
local parts = {}
for i = 1, 20000 do parts[#parts + 1] = tostring(i) .. "," end
check("much memory, given back", #table.concat(parts) == 108894)
parts = nil
collectgarbage()
check("the collector collects", collectgarbage("count") < 2000)
local ok, message = pcall(function() error({ code = 7 }) end)
check("errors unwind", not ok and message.code == 7)
check("run-time errors name file and line", select(2, pcall(load("local x = nil; return x.y", "@chunk"))):find("chunk:1:") ~= nil)
local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1); coroutine.yield(b * 2) end)
check("coroutines", co(1) == 2 and co(21) == 42)
check("deep recursion is an error, not a crash", not pcall(function() local function f() return f() + 1 end return f() end))
check("calendar", os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365) == "1971-01-01 00:00:00" and os.time({ year = 2024, month = 2, day = 29, hour = 12 }) ~= nil)
-- Not every machine knows the time: then it is 1970.
check("the clock goes on", os.clock() >= 0 and (os.time() > 1700000000 or os.time() < 3600))
check("what is not there cannot be opened", io.open("/no/such/file") == nil)
local file = io.open("/test.lua")
-- A bare-metal image opens its embedded files; a Linux process has Linux's files.
check("an embedded file by fopen", file == nil or file:read("l"):find("SPDX") ~= nil)
return all
