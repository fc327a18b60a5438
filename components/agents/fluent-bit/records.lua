-- Makes of an entry of the journal, or an event of the audit log, the fields that any log agent gives it.
local function at(record, place)
  for i = 1, #place do
    if type(record) ~= "table" then return nil end
    record = record[place[i]]
  end
  return record
end

local function shaped(record, fields)
  local new = { kubernetes = { host = os.getenv("NODE_NAME") } }
  for i = 1, #fields do
    local value = at(record, fields[i][2])
    -- A field that an entry has several times is a list; the first counts.
    if type(value) == "table" then value = value[1] end
    if value ~= nil and value ~= "" then new[fields[i][1]] = value end
  end
  return new
end

-- Seconds since 1970 of a time in UTC; os.time would take it for a local one.
local function seconds(text)
  local y, m, d, h, min, s = string.match(text or "", "^(%d+)-(%d+)-(%d+)T(%d+):(%d+):([%d.]+)Z$")
  if y == nil then return nil end
  y, m = tonumber(y), tonumber(m)
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
  days = days + math.floor((153 * (m - 3) + 2) / 5) + tonumber(d) - 719469
  return ((days * 24 + tonumber(h)) * 60 + tonumber(min)) * 60 + tonumber(s)
end

-- Called by the filter. 2 takes the record with the time that it has, 1 with another.
function journal(tag, timestamp, record)
  local new = shaped(record, journalFields)
  new.level = priorities[(tonumber(record.PRIORITY) or 6) + 1]
  return 2, timestamp, new
end

function audit(tag, timestamp, record)
  local new = shaped(record, auditFields)
  local code = tonumber(new.code) or 0
  new.level = code >= 500 and "error" or code >= 400 and "warn" or "info"
  new.message = tostring(new.verb) .. " " .. tostring(new.uri)
  return 1, seconds(record.stageTimestamp) or timestamp, new
end
