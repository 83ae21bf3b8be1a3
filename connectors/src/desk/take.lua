-- What a customer has used, as processors/src/access/limits.rs counts it: the first number says when its rate is full
-- again, Unix microseconds, then a day in Korea and the messages of that day.
--
-- cost in microseconds; messages; quota or -1; what the caller knows of today, which counts when nothing is here; what it
-- has counted by itself. `now` stands before this, microseconds: the server's time, as a door whose clock is ahead would
-- lock its customers out of all others.
local cost, messages, quota = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local known, unreported = tonumber(ARGV[4]), tonumber(ARGV[5])
local today = math.floor((now / 1000000 + 32400) / 86400)
local burst, longest = 1000000, 1001000000
local full, day, used = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+) (%d+)$')
full = math.min(math.max(tonumber(full or 0), now), now + longest)
day, used = tonumber(day or today), tonumber(used or known)
if today > day then used = 0 end
used = math.max(used + unreported, 0)
local verdict = 0
local wait = full - now + math.min(cost, burst) - burst
if cost > 0 and wait > 0 then
    verdict = 1
else
    full = full + cost
    if quota >= 0 and messages > 0 and used + messages > quota then
        verdict = 2
    else
        used = used + messages
    end
end
redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', full, today, used), 'PX', 172800000)
return {verdict, wait, full - now, used}
