/* A singly linked list: pointer chasing, insertion, merge sort, reversal. */
#include "kernel.h"

#define NODES 20000
#define ROUNDS 14

struct node {
	struct node *next;
	uint32_t key;
};

static struct node pool[NODES];

static struct node *build(uint32_t *seed)
{
	struct node *head = 0;

	for (int i = 0; i < NODES; i++) {
		pool[i].key = next_random(seed);
		pool[i].next = head;
		head = &pool[i];
	}
	return head;
}

static struct node *merge(struct node *a, struct node *b)
{
	struct node *head, **tail = &head;

	while (a && b) {
		struct node **least = a->key <= b->key ? &a : &b;
		*tail = *least;
		tail = &(*least)->next;
		*least = *tail;
	}
	*tail = a ? a : b;
	return head;
}

static struct node *sort(struct node *list)
{
	struct node *slow = list, *fast;

	if (!list || !list->next)
		return list;
	for (fast = list->next; fast && fast->next; fast = fast->next->next)
		slow = slow->next;
	fast = slow->next;
	slow->next = 0;
	return merge(sort(list), sort(fast));
}

static struct node *reverse(struct node *list)
{
	struct node *done = 0;

	while (list) {
		struct node *next = list->next;
		list->next = done;
		done = list;
		list = next;
	}
	return done;
}

static uint64_t kernel(void)
{
	uint32_t seed = 88172645;
	uint64_t sum = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct node *list = sort(build(&seed));
		for (int i = 0; i < 9; i++)
			list = reverse(list);
		for (; list; list = list->next)
			sum = mix(sum, list->key);
	}
	return sum;
}

KERNEL("list")
