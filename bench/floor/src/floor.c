// floor PORT: the limit that a fan-out is held against.
//
// One thread, one epoll. A GET makes its connection a reader; the body of a POST,
// which is a whole event as it stands on the wire, is written to every reader
// with one write(2) each. There is no JSON, no history, no Redis, no heartbeat.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FILES = 1 << 20, BATCH = 256, REQUEST = 8192, PATIENCE_MS = 1000 };

struct request { int length; char bytes[REQUEST + 1]; }; // of a connection that is no reader yet

static int epoll, readers[MAX_FILES], count, place[MAX_FILES]; // place: where a reader stands, from 1
static struct request *requests[MAX_FILES];

static const char hello[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\nretry: 1000\n\n";
static const char created[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

static void drop(int fd) {
    if (place[fd]) {
        int last = readers[--count];
        readers[place[fd] - 1] = last;
        place[last] = place[fd];
        place[fd] = 0;
    }
    free(requests[fd]);
    requests[fd] = NULL;
    close(fd);
}

// deliver is the one write(2). A reader whose socket is full is waited for, so that nothing is lost.
static int deliver(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            if (poll(&wait, 1, PATIENCE_MS) <= 0) return 0;
            continue;
        }
        if (done < 0) return 0;
        p += done;
        n -= (size_t)done;
    }
    return 1;
}

static void publish(const char *event, size_t length) {
    for (int i = count - 1; i >= 0; i--) // from the end, since a drop moves the last one
        if (!deliver(readers[i], event, length)) drop(readers[i]);
}

static void become_reader(int fd) {
    free(requests[fd]);
    requests[fd] = NULL;
    readers[count++] = fd;
    place[fd] = count;
    struct epoll_event e = {.events = EPOLLRDHUP | EPOLLET, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e);
    if (!deliver(fd, hello, sizeof hello - 1)) drop(fd);
}

// serve takes one whole request from what came; 0 if there is none yet, or the connection changed.
static int serve(int fd, struct request *r) {
    r->bytes[r->length] = 0;
    char *end = strstr(r->bytes, "\r\n\r\n");
    if (!end) return 0;
    if (!strncmp(r->bytes, "GET ", 4)) {
        become_reader(fd);
        return 0;
    }
    char *header = strcasestr(r->bytes, "\r\nContent-Length:");
    int body = header && header < end ? atoi(header + 17) : 0, head = (int)(end + 4 - r->bytes);
    if (body < 0 || head + body > REQUEST) {
        drop(fd);
        return 0;
    }
    if (r->length < head + body) return 0;
    if (!deliver(fd, created, sizeof created - 1)) {
        drop(fd);
        return 0;
    }
    publish(r->bytes + head, (size_t)body);
    r->length -= head + body;
    memmove(r->bytes, r->bytes + head + body, (size_t)r->length);
    return 1;
}

static void ready(int fd, unsigned events) {
    struct request *r = requests[fd];
    if (!r) { // a reader says nothing, so it has hung up
        if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) drop(fd);
        return;
    }
    ssize_t n = read(fd, r->bytes + r->length, (size_t)(REQUEST - r->length));
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) drop(fd);
        return;
    }
    r->length += (int)n;
    while (requests[fd] == r && serve(fd, r)) {}
}

static void welcome(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        if (fd >= MAX_FILES || !(requests[fd] = calloc(1, sizeof(struct request)))) {
            close(fd);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: floor PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 65535)) {
        perror("listen");
        return 1;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[BATCH], e = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener) welcome(listener);
            else ready(events[i].data.fd, events[i].events);
        }
    }
}
