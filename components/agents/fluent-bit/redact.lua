-- Puts **** in place of what may not leave the node. RE2's programs are run as its own machine runs them (Pike's): in time
-- that grows with a text's length alone, and with the same matches as in the collector.
local byte, find, format, lower, sub = string.byte, string.find, string.format, string.lower, string.sub
local mask = "****"

local function tail(b)
  return b ~= nil and b >= 128 and b < 192
end

-- The character at a position, and the position after it. A byte that is no UTF-8 is U+FFFD.
local function character(text, at)
  local a, b, c, d = byte(text, at, at + 3)
  if a < 128 then return a, at + 1 end
  if a >= 194 and a < 224 and tail(b) then return a % 32 * 64 + b % 64, at + 2 end
  if a >= 224 and a < 240 and tail(b) and tail(c) then return (a % 16 * 64 + b % 64) * 64 + c % 64, at + 3 end
  if a >= 240 and a < 245 and tail(b) and tail(c) and tail(d) then
    return ((a % 8 * 64 + b % 64) * 64 + c % 64) * 64 + d % 64, at + 4
  end
  return 65533, at + 1
end

local function word(b)
  return b ~= nil and (b >= 48 and b <= 57 or b >= 65 and b <= 90 or b == 95 or b >= 97 and b <= 122)
end

local function holds(where, text, at)
  local before, after = at > 1 and byte(text, at - 1) or nil, byte(text, at)
  if where == 1 then return before == nil or before == 10 end
  if where == 2 then return after == nil or after == 10 end
  if where == 4 then return before == nil end
  if where == 8 then return after == nil end
  return (word(before) ~= word(after)) == (where == 16)
end

local function takes(instruction, rune)
  for i = 3, #instruction, 2 do
    if rune < instruction[i] then return false end
    if rune <= instruction[i + 1] then return true end
  end
  return false
end

-- The search that is under way: its text and position, what waits for the next character in order of preference with where
-- it began, what has been reached here, and the best match so far.
local program, text, at, waiting, begins, count, reached, first, last

-- Follows what takes no character. True once it has matched: whatever is preferred less does not matter any more.
local function follow(pc, begin)
  while reached[pc] ~= at do
    reached[pc] = at
    local instruction = program[pc]
    local op = instruction[1]
    if op == "alt" then
      if follow(instruction[2], begin) then return true end
      pc = instruction[3]
    elseif op == "empty" then
      if not holds(instruction[3], text, at) then return false end
      pc = instruction[2]
    elseif op == "rune" then
      count = count + 1
      waiting[count], begins[count] = instruction, begin
      return false
    elseif op == "match" then
      first, last = begin, at
      return true
    else
      return false
    end
  end
  return false
end

-- The first match from a position on: where it begins, and where it has ended.
local function search(from)
  local size = #text
  at, waiting, begins, count, reached, first, last = from, {}, {}, 0, {}, nil, nil
  local threads, starts, live = {}, {}, 0
  while true do
    if live == 0 then
      if first ~= nil then return first, last end
      if program.first ~= nil then
        at = find(text, program.first, at)
        if at == nil then return nil end
      end
    end
    local rune, after
    count = 0
    local matched = false
    for i = 1, live do
      matched = follow(threads[i], starts[i])
      if matched then break end
    end
    if not matched and first == nil then follow(program.start, at) end
    if at > size then return first, last end
    rune, after = character(text, at)
    live = 0
    for i = 1, count do
      if takes(waiting[i], rune) then
        live = live + 1
        threads[live], starts[live] = waiting[i][2], begins[i]
      end
    end
    at = after
  end
end

local function masked(value, by)
  program, text = by, value
  local parts, kept, from = {}, 1, 1
  while from <= #text do
    local begin, ended = search(from)
    if begin == nil then break end
    parts[#parts + 1] = sub(text, kept, begin - 1) .. mask
    kept, from = ended, ended
  end
  if kept == 1 then return value end
  return table.concat(parts) .. sub(text, kept)
end

local function written(value)
  if type(value) == "string" then return value end
  if type(value) ~= "number" then return tostring(value) end
  return value % 1 == 0 and format("%.0f", value) or format("%.14g", value)
end

local changed

local function clean(value, name)
  if name ~= nil and hidden[lower(name)] then return mask end
  if type(value) == "table" then
    for key, item in pairs(value) do
      local new = clean(item, type(key) == "string" and key or nil)
      if new ~= item then
        value[key] = new
        changed = true
      end
    end
    return value
  end
  if type(value) ~= "string" and type(value) ~= "number" and type(value) ~= "boolean" then return value end
  local before = written(value)
  local now = before
  for i = 1, #programs do now = masked(now, programs[i]) end
  if now == before then return value end
  return now
end

-- Called by the filter. 0 leaves a record as it is, to the byte; 2 takes the changed one with the time that it has.
function redact(tag, timestamp, record)
  -- What the cluster says of the pod: labels are made of it.
  local kubernetes = record.kubernetes
  record.kubernetes = nil
  changed = false
  -- After an error the filter would let the record go as it came.
  local done = pcall(clean, record)
  if not done then record = { log = mask } end
  record.kubernetes = kubernetes
  if done and not changed then return 0, timestamp, record end
  return 2, timestamp, record
end
