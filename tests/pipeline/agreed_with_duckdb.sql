-- One expression a line: our answer and DuckDB's are the same for every row.
n >= 200
n = m
n < m
n != 404
n <> 404 and m = 0
x > y
x = x
x > 1e308
x <= 2.5
s = t
s < t
s != ''
ok = true
ok = (n > 100)
time > '2024-01-01'
time between '2023-01-01' and '2024-02-01T00:00:00'
n in (200, 404)
n not in (200, 404)
n in (200, null)
x in (1.5, 2, -7.5)
x in (n, m, y)
s in ('12', '', 'x')
s not in ('12', null)
n between 0 and 300
n not between m and 300
ok and n > 100
ok or n > 100
not ok
not (ok and n > 100) or x > 1
ok and null
ok or null
n is null
n is not null
ok is true
ok is not true
ok is false
ok is not false
(x > 1) is null
n is distinct from m
n is not distinct from 200
s is distinct from null
x is not distinct from y
n + m
n - m
x * y
-n
-x
x + n * 2 - -1
n / 8
m / 3.0
abs(n)
abs(x)
floor(x)
ceil(x)
round(x)
round(x, 1)
round(n / 7, 2)
sqrt(abs(m))
ln(abs(y) + 1)
log(m + 1)
log2(abs(y) + 1)
log(3, m + 1)
power(m, 2)
power(2, 0.5)
m ^ 2
mod(n, 7)
n % 7
-n % 7
n % -7
upper(t)
lower(upper(t))
trim(s)
ltrim(s)
rtrim(s, 'x')
trim(s, ' x')
length(s)
length(s) = 11
substr(s, 2)
substr(s, 2, 3)
substr(s, 0, 3)
substr(s, -3)
substr(s, -3, 2)
substr(s, -8, 6)
substr(s, -20, 3)
substr(s, m, 2)
substr(s, strpos(s, '/') + 1, 3)
substring(s from 2 for 2)
s || t
s || '-' || t
concat(s, t)
concat(s, null, '!')
s || t = 'l'
replace(s, 'l', 'L')
replace(s, '/api', t)
replace(s, 'l', '$1')
split_part(s, '/', 2)
split_part(s, '/', -1)
split_part(s, '/', 9)
split_part(s, 'l', 1)
starts_with(s, '/api')
starts_with(s, t)
ends_with(s, t)
contains(s, t)
contains(s, 'ö')
strpos(s, 'ö')
strpos(s, t)
position('l' in s)
regexp_matches(s, 'l+o')
regexp_matches(s, '^[0-9]+$')
regexp_matches(s, 'e.b')
regexp_matches(s, '(?i)HÉL')
regexp_extract(s, '^(/[^/?]*)', 1)
regexp_extract(s, 'l+')
regexp_extract(s, '(x)?a', 1)
s like '/api%'
s like '%ld'
s like '%e%b%'
s like 'h_llo%'
s like '%'
s like ''
s like '12'
s like 'a!%b!_c' escape '!'
s like 'a$%%' escape '$'
s not like '%l%'
s ilike '%API%'
s not ilike 'HÉLLO%'
s ilike 'h_LLO wörld'
case when n > 300 then 'bad' when n > 100 then 'good' else 'odd' end
case when n > 300 then x end
case n when 200 then 1 when 404 then 2 else m end
case when ok then null else 1 end
case when x > y then n else x end
if(ok, 1, 2)
coalesce(n, m)
coalesce(x, n, 5)
coalesce(s, t, 'none')
ifnull(ok, n > 10)
nullif(n, 200)
nullif(s, '')
nullif(x, x)
greatest(x, y)
greatest(n, m, 5)
greatest(s, t)
least(x, y)
least(n, null, 3)
least(s, t)
cast(n as double)
try_cast(s as double)
try_cast(t as int)
try_cast('12.7' as int)
cast(cast(2.5 as double) as int)
cast(cast(-3.5 as double) as bigint)
cast(m as boolean)
cast(n as varchar)
cast(ok as varchar)
try_cast('TRUE' as boolean)
extract(year from time)
extract(quarter from time)
extract(month from time)
extract(week from time)
extract(day from time)
extract(doy from time)
extract(dow from time)
extract(isodow from time)
extract(hour from time)
extract(minute from time)
extract(second from time)
extract(epoch from time)
hour(time) between 9 and 17
cast('2024-05-05T00:00:01.5' as timestamp) = time
cast('2024-01-01 09:00:00' as timestamp) = time
cast('2000-02-29' as timestamp) < time
100.0 * n / nullif(m, 0)
