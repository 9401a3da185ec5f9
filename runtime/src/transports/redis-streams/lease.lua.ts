import { defineScript } from './script.ts';

/**
 * Takes a free stream, or one that this holder had and lost sight of. KEYS lease, last fence. ARGV holder, lease in ms. Gives the new fence, or nil
 * when another holds the stream.
 *
 * Fences follow the server's clock where that is ahead: a fail-over may forget the last fence given out, and a fence given twice would let a
 * superseded holder's effects into an inbox.
 */
export const acquireScript = defineScript(`
local current = redis.call('GET', KEYS[1])
if current and string.sub(current, 1, #ARGV[1] + 1) ~= ARGV[1] .. '/' then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = string.format('%.0f', math.max(tonumber(redis.call('GET', KEYS[2]) or 0) + 1, now))
redis.call('SET', KEYS[2], fence)
redis.call('SET', KEYS[1], ARGV[1] .. '/' .. fence, 'PX', ARGV[2])
return fence
`);

/** KEYS lease. ARGV lease value, lease in ms. Gives 1 when it was still held. */
export const renewScript = defineScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/**
 * Says that a consumer is there and how many are. KEYS registry. ARGV member, time to live in ms (0: leaves). Gives the rank of the member among the
 * present ones, from 0, and their number.
 */
export const heartbeatScript = defineScript(`
local key, member, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
if ttl == 0 then
  redis.call('ZREM', key, member)
  return {0, redis.call('ZCARD', key)}
end
redis.call('ZADD', key, string.format('%.0f', now + ttl), member)
redis.call('PEXPIRE', key, ttl * 10)
local members, rank = redis.call('ZRANGE', key, 0, -1), 0
for _, other in ipairs(members) do
  if other < member then rank = rank + 1 end
end
return {rank, #members}
`);
