-- What a customer has used, as processors/src/access/limits.rs counts it: the first number says when its rate is full
-- again, Unix microseconds, then a day in Korea and the messages of that day.
--
-- now, cost and receivers' bounds in microseconds; messages; quota or -1; today; what the caller knows of today, which
-- counts when nothing is here; what it has counted by itself.
local now, cost, messages = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local quota, today, known, unreported = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local burst = 1000000
local full, day, used = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+) (%d+)$')
full = math.max(tonumber(full or 0), now)
day, used = tonumber(day or 0), tonumber(used or known)
if today > day then
    if day > 0 then used = 0 end
    day = today
end
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
redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', full, day, used), 'PX', 172800000)
return {verdict, wait, full - now, used}
