/* Access logs cut in one pass: the compiled twin of cut.py.

     host ident user [07/Feb/2019:21:11:01 +0000] "request" 200 5 "referer" "agent" rest

   It decides nothing about what a line means: it reads the lines that are written in
   the usual way, and says of which rows it is sure. The others are the grammar's (clf.py).

   Texts become numbers: equal texts of a field have the same code, from 0 on in the
   order in which they first come, and each different text is kept once.

   Lines are hostile. Nothing is read beyond the newline that ends a line, which each
   block must end with; texts are hashed with a seed that nobody outside knows. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char byte;

enum { ADDR, IDENT, USER, REQUEST, METHOD, SECTION, REFERER, AGENT, REST, FIELDS };
enum { COMMON, COMBINED, COMBINED_AGENTS };

/* Bytes of a block: so few that a column of numbers is below 2 GiB if all are newlines. */
enum { MOST = 1 << 27 };

/* A column of texts. `words` holds each different one with a newline after it; `size` are
   its bytes, `count` its texts. Rows without a text have the code `count`: `nulls`. */
struct texts {
    int32_t *codes;
    byte *words;
    int64_t size;
    int32_t count;
    int32_t nulls;
};

/* One more than the greatest status. */
enum { STATUSES = 1000 };

/* `kind`, `wanted` (the bits of fields whose texts are asked for) and `seed` are given,
   the rest is filled in: in every column one place for each row, and room for more;
   instants in microseconds; of each status its place among `statuses`, each of which is
   there once; where in the block each line starts; and of how many rows it is not sure. */
struct table {
    int64_t kind;
    uint64_t wanted;
    uint64_t seed;
    int64_t rows;
    int64_t room;
    int64_t odd;
    int64_t statuses_found;
    int32_t statuses[STATUSES];
    int64_t *time;
    int64_t *bytes;
    int32_t *status;
    int32_t *start;
    byte *sure;
    struct texts texts[FIELDS];
};

struct span {
    const byte *at;
    const byte *end;
};

/* What is found in a line; a text that it has not, has no place. */
struct line {
    struct span texts[FIELDS];
    int64_t time;
    int64_t bytes;
    int32_t status;
};

/* ---- texts by number: open addressing, at most half full ---- */

struct slot {
    uint64_t hash;
    const byte *at; /* among the words; null: free */
    int32_t size;
    int32_t code;
};

struct codebook {
    struct slot *slots;
    uint64_t mask;
};

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ h >> 32;
}

/* Up to eight bytes as a number, which has all of them. */
static uint64_t few(const byte *at, size_t size)
{
    uint32_t first = 0, last = 0;
    if (size >= 4) {
        memcpy(&first, at, 4);
        memcpy(&last, at + size - 4, 4);
    } else if (size) {
        first = at[0] | (uint32_t)at[size / 2] << 8;
        last = at[size - 1];
    }
    return (uint64_t)first << 32 | last;
}

static int same(const byte *one, const byte *other, size_t size)
{
    uint64_t a, b;
    if (size < 8)
        return few(one, size) == few(other, size);
    for (size_t i = 0; i < size; i += 8) {
        size_t at = i + 8 <= size ? i : size - 8;
        memcpy(&a, one + at, 8);
        memcpy(&b, other + at, 8);
        if (a != b)
            return 0;
    }
    return 1;
}

static uint64_t hash(const byte *at, size_t size, uint64_t seed)
{
    uint64_t h = seed ^ size * 0x9e3779b97f4a7c15u, word;
    for (; size > 8; at += 8, size -= 8) {
        memcpy(&word, at, 8);
        h = mix(h ^ word) + seed;
    }
    return mix(h ^ few(at, size));
}

static struct slot *find(const struct codebook *book, uint64_t h, struct span text)
{
    uint64_t i = h & book->mask;
    int32_t size = (int32_t)(text.end - text.at);
    for (;; i = (i + 1) & book->mask) {
        struct slot *slot = book->slots + i;
        if (!slot->at)
            return slot;
        if (slot->hash == h && slot->size == size && same(slot->at, text.at, (size_t)size))
            return slot;
    }
}

static int make_room(struct codebook *book)
{
    struct codebook larger = {NULL, book->slots ? book->mask * 2 + 1 : 255};
    larger.slots = calloc(larger.mask + 1, sizeof *larger.slots);
    if (!larger.slots)
        return -1;
    for (uint64_t i = 0; book->slots && i <= book->mask; i++) {
        struct slot *slot = book->slots + i;
        if (slot->at)
            *find(&larger, slot->hash, (struct span){slot->at, slot->at + slot->size}) = *slot;
    }
    free(book->slots);
    *book = larger;
    return 0;
}

/* Returns the code of a text, -1 if there is no memory. */
static int32_t code(struct codebook *book, struct texts *texts, struct span text, uint64_t seed)
{
    if ((!book->slots || (uint64_t)texts->count * 2 > book->mask) && make_room(book))
        return -1;
    size_t size = (size_t)(text.end - text.at);
    uint64_t h = hash(text.at, size, seed);
    struct slot *slot = find(book, h, text);
    if (!slot->at) {
        byte *word = texts->words + texts->size;
        memcpy(word, text.at, size);
        word[size] = '\n';
        texts->size += (int64_t)size + 1;
        *slot = (struct slot){h, word, (int32_t)size, texts->count++};
    }
    return slot->code;
}

/* ---- parts of a line. Each returns what comes after it, or null if it is not there ---- */

static int is_digit(byte c) { return c >= '0' && c <= '9'; }

static int is_letter(byte c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* A sign of an HTTP token. */
static int is_token(byte c)
{
    static const byte others[256] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
        ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1,
    };
    return is_letter(c) || is_digit(c) || others[c];
}

/* Two digits as a number, negative if they are none. */
static int two(const byte *at)
{
    return is_digit(at[0]) && is_digit(at[1]) ? (at[0] - '0') * 10 + at[1] - '0' : -1;
}

static const byte *literal(const byte *at, const byte *end, const char *text, size_t size)
{
    return at && (size_t)(end - at) >= size && !memcmp(at, text, size) ? at + size : NULL;
}

/* A word that a blank ends: no quotes, and no signs that are seldom in one. */
static const byte *word(const byte *at, struct span *found)
{
    if (!at)
        return NULL;
    found->at = at;
    while (*at > ' ' && *at != '"')
        at++;
    found->end = at;
    return *at == ' ' && at > found->at ? at + 1 : NULL;
}

static int days_of(int month, int year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month] + (month == 1 && leap);
}

static int month_of(const byte *at)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 0; month < 12; month++)
        if (!memcmp(at, names + 3 * month, 3))
            return month;
    return -1;
}

/* Days from 1970-01-01, by the count of days from 1 March of the year 0. */
static int64_t day_number(int year, int month, int day)
{
    int64_t years = year - (month < 2), since_march = (153 * ((month + 10) % 12) + 2) / 5;
    return years * 365 + years / 4 - years / 100 + years / 400 + since_march + day - 1 - 719468;
}

enum { STAMP = 26 };

/* `07/Feb/2019:21:11:01 +0000`; the first and last days of the calendar, where offsets
   matter, and leap seconds are left to others. */
static int read_stamp(const byte *at, int64_t *time)
{
    int day = two(at), month = month_of(at + 3), year = two(at + 7) * 100 + two(at + 9);
    int hour = two(at + 12), minute = two(at + 15), second = two(at + 18);
    int hours = two(at + 22), minutes = two(at + 24);
    if (two(at + 7) < 0 || two(at + 9) < 0 || year < 2 || year > 9998 || month < 0)
        return 0;
    if (day < 1 || day > days_of(month, year) || hour < 0 || hour > 23 || minute < 0)
        return 0;
    if (minute > 59 || second < 0 || second > 59 || hours < 0 || hours > 23)
        return 0;
    if (minutes < 0 || minutes > 59 || at[2] != '/' || at[6] != '/' || at[11] != ':')
        return 0;
    if (at[14] != ':' || at[17] != ':' || at[20] != ' ' || (at[21] != '+' && at[21] != '-'))
        return 0;
    int64_t offset = (hours * 60 + minutes) * (at[21] == '-' ? -60 : 60);
    int64_t local = day_number(year, month, day) * 86400 + (hour * 60 + minute) * 60 + second;
    *time = (local - offset) * 1000000;
    return 1;
}

/* Whether an odd number of backslashes is before a quote in a text. */
static int is_escaped(const byte *text, const byte *quote)
{
    const byte *at = quote;
    while (at > text && at[-1] == '\\')
        at--;
    return (quote - at) % 2;
}

/* A text between quotes, with quotes that are escaped; `at` is behind the first. */
static const byte *quoted(const byte *at, const byte *end, struct span *found)
{
    const byte *quote = at;
    while (quote && (quote = memchr(quote, '"', (size_t)(end - quote)))) {
        *found = (struct span){at, quote++};
        if (!is_escaped(at, found->end))
            return quote;
    }
    return NULL;
}

static const byte *size_of(const byte *at, int64_t *bytes)
{
    *bytes = 0;
    if (at && *at == '-')
        return at + 1;
    const byte *first = at;
    for (; at && is_digit(*at); at++) {
        if (at - first == 18)
            return NULL;
        *bytes = *bytes * 10 + *at - '0';
    }
    return at == first ? NULL : at;
}

/* ` 200 5`, behind a request. */
static const byte *numbers(const byte *at, const byte *end, struct line *line)
{
    if (!at || end - at < 6 || at[0] != ' ' || at[4] != ' ')
        return NULL;
    if (at[1] < '1' || at[1] > '9' || two(at + 2) < 0)
        return NULL;
    line->status = (at[1] - '0') * 100 + two(at + 2);
    return size_of(at + 5, &line->bytes);
}

/* ` HTTP/1.1`, and nothing behind it. */
static int is_protocol(const byte *at, const byte *end)
{
    at = literal(at, end, " HTTP/", 6);
    if (!at || at == end || !is_digit(*at))
        return 0;
    while (at < end && is_digit(*at))
        at++;
    if (at < end && *at == '.' && ++at == end)
        return 0;
    while (at < end && is_digit(*at))
        at++;
    return at == end;
}

/* Method and section of a request, by its beginning. Returns whether that is sure; what
   begins with no method has neither. */
static int take_apart(struct line *line)
{
    const byte *at = line->texts[REQUEST].at, *end = line->texts[REQUEST].end;
    const byte *first = at;
    while (at < end && is_token(*at))
        at++;
    if (at == end || *at != ' ')
        return 1;
    if (at == first || end - at < 2 || at[1] != '/')
        return 0;
    struct span method = {first, at}, section = {at + 1, at + 2};
    for (at += 2; at < end && *at != '/' && *at != '?' && *at != ' '; at++)
        ;
    section.end = at;
    if (at < end && *at == ' ' && !is_protocol(at, end))
        return 0;
    line->texts[METHOD] = method;
    line->texts[SECTION] = section;
    return 1;
}

/* ` "referer" "agent"` and whatever is behind that. */
static int take_agents(const byte *at, const byte *end, struct line *line)
{
    at = quoted(literal(at, end, " \"", 2), end, &line->texts[REFERER]);
    at = quoted(literal(at, end, " \"", 2), end, &line->texts[AGENT]);
    if (!at || (at < end && *at != ' '))
        return 0;
    if (at < end)
        line->texts[REST] = (struct span){at + 1, end};
    return 1;
}

/* What is behind the size. Of a combined log any text is a hit: see clf.py. */
static int take_rest(const byte *at, const byte *end, int64_t kind, struct line *line)
{
    if (!at)
        return 0;
    if (kind == COMBINED_AGENTS)
        return take_agents(at, end, line);
    if (kind == COMBINED)
        return literal(at, end, " \"", 2) != NULL;
    if (at < end && *at != ' ')
        return 0;
    if (at < end)
        line->texts[REST] = (struct span){at + 1, end};
    return 1;
}

/* Reads one line, which the newline at `end` ends. Returns whether it is sure of it.
   `stamp` is the last one that was understood, and `line->time` what it says. */
static int read_line(const byte *at, const byte *end, int64_t kind, struct line *line,
                     const byte **stamp)
{
    line->texts[METHOD].at = line->texts[SECTION].at = line->texts[REST].at = NULL;
    at = word(at, &line->texts[ADDR]);
    at = word(at, &line->texts[IDENT]);
    at = word(at, &line->texts[USER]);
    struct span user = line->texts[USER];
    if (!at || *at != '[' || end - ++at < STAMP || memchr(user.at, '[', (size_t)(user.end - user.at)))
        return 0;
    if (!*stamp || !same(*stamp, at, STAMP)) {
        if (!read_stamp(at, &line->time))
            return 0;
        *stamp = at;
    }
    at = quoted(literal(at + STAMP, end, "] \"", 3), end, &line->texts[REQUEST]);
    at = numbers(at, end, line);
    return take_rest(at, end, kind, line);
}

/* ---- rows ---- */

static void *enlarged(void *column, int64_t places, size_t size, int *failed)
{
    int fits = (uint64_t)places <= SIZE_MAX / size;
    void *larger = fits ? realloc(column, (size_t)places * size) : NULL;
    *failed |= !larger;
    return larger ? larger : column;
}

static int make_rows(struct table *table, int64_t room)
{
    int failed = 0;
    table->time = enlarged(table->time, room, sizeof *table->time, &failed);
    table->bytes = enlarged(table->bytes, room, sizeof *table->bytes, &failed);
    table->status = enlarged(table->status, room, sizeof *table->status, &failed);
    table->start = enlarged(table->start, room, sizeof *table->start, &failed);
    table->sure = enlarged(table->sure, room, sizeof *table->sure, &failed);
    for (int field = 0; field < FIELDS; field++) {
        struct texts *texts = table->texts + field;
        if (table->wanted >> field & 1)
            texts->codes = enlarged(texts->codes, room, sizeof *texts->codes, &failed);
    }
    table->room = room;
    return failed;
}

/* Makes room for as many rows as there may well be, and for texts that may come to all
   bytes of a block. */
static int allocate(struct table *table, int64_t size)
{
    int failed = make_rows(table, size / 64 + 64);
    for (int field = 0; field < FIELDS; field++)
        if (table->wanted >> field & 1) {
            table->texts[field].words = malloc((size_t)size + 1);
            failed |= !table->texts[field].words;
        }
    return failed;
}

/* The codes that there are: those of texts, and of each status one more than its code. */
struct codes {
    struct codebook texts[FIELDS];
    int32_t statuses[STATUSES];
};

static int32_t status_code(struct table *table, struct codes *known, int32_t status)
{
    if (!known->statuses[status]) {
        table->statuses[table->statuses_found++] = status;
        known->statuses[status] = (int32_t)table->statuses_found;
    }
    return known->statuses[status] - 1;
}

/* Puts a line into the table; `line` is null for one that is odd. */
static int put(struct table *table, struct codes *known, const struct line *line)
{
    int64_t row = table->rows++;
    table->sure[row] = line != NULL;
    table->odd += line == NULL;
    table->time[row] = line ? line->time : 0;
    table->bytes[row] = line ? line->bytes : 0;
    table->status[row] = status_code(table, known, line ? line->status : 0);
    for (int field = 0; field < FIELDS; field++) {
        struct texts *texts = table->texts + field;
        if (!texts->codes)
            continue;
        int has = line && line->texts[field].at;
        texts->nulls += !has;
        texts->codes[row] = has ? code(known->texts + field, texts, line->texts[field], table->seed) : -1;
        if (has && texts->codes[row] < 0)
            return -1;
    }
    return 0;
}

/* Gives rows without a text the code behind all others. */
static void close_codes(struct texts *texts, int64_t rows)
{
    for (int64_t row = 0; texts->nulls && row < rows; row++)
        if (texts->codes[row] < 0)
            texts->codes[row] = texts->count;
}

static int fill(struct table *table, struct codes *known, const byte *at, const byte *all)
{
    struct line line = {{{NULL, NULL}}, 0, 0, 0};
    const byte *stamp = NULL;
    uint64_t parts = table->wanted & (1u << METHOD | 1u << SECTION);
    for (const byte *data = at; at < all;) {
        const byte *end = memchr(at, '\n', (size_t)(all - at));
        int sure = read_line(at, end, table->kind, &line, &stamp);
        sure = sure && (!parts || take_apart(&line));
        if (table->rows == table->room && make_rows(table, table->room * 2))
            return -1;
        table->start[table->rows] = (int32_t)(at - data);
        if (put(table, known, sure ? &line : NULL))
            return -1;
        at = end + 1;
    }
    for (int field = 0; field < FIELDS; field++)
        close_codes(table->texts + field, table->rows);
    return 0;
}

/* ---- what Python calls ---- */

/* Fills a table from a block, which is empty or ends with a newline. Returns -1 if it is
   another, too large to be numbered, or there is no memory. What was made is to be freed
   in any case. */
int tocsin_cut(const byte *data, int64_t size, struct table *table)
{
    struct codes known;
    memset(&known, 0, sizeof known);
    if (size > MOST || (size && data[size - 1] != '\n') || allocate(table, size))
        return -1;
    int failed = fill(table, &known, data, data + size);
    for (int field = 0; field < FIELDS; field++)
        free(known.texts[field].slots);
    return failed;
}

/* Returns the end of a line of a block, behind its newline. `start` says where each of its
   `count` lines starts. */
static int64_t end_of(int64_t size, const int32_t *start, int64_t count, int64_t row)
{
    return row + 1 < count ? start[row + 1] : size;
}

/* Copies the lines `rows` of a block, with their newlines, one after the other to `out`,
   which may be null. Returns their bytes, -1 if a row is none of the block. */
int64_t tocsin_pick(const byte *data, int64_t size, const int32_t *start, int64_t count,
                    const int64_t *rows, int64_t wanted, byte *out)
{
    int64_t total = 0;
    for (int64_t i = 0; i < wanted; i++) {
        if (rows[i] < 0 || rows[i] >= count)
            return -1;
        int64_t at = start[rows[i]], bytes = end_of(size, start, count, rows[i]) - at;
        if (out)
            memcpy(out + total, data + at, (size_t)bytes);
        total += bytes;
    }
    return total;
}

void tocsin_free(struct table *table)
{
    free(table->time);
    free(table->bytes);
    free(table->status);
    free(table->start);
    free(table->sure);
    for (int field = 0; field < FIELDS; field++) {
        free(table->texts[field].codes);
        free(table->texts[field].words);
    }
}
