//! Deficit round robin (Shreedhar and Varghese, 1995): customers take turns, and each turn is worth one vendor call.

use rustc_hash::FxHashMap;
use std::{collections::VecDeque, sync::Arc};

/// What waits, by customer, in the order in which customers have their turns.
#[derive(Debug)]
pub struct Turns<T> {
    queues: FxHashMap<Arc<str>, Queue<T>>,
    /// Customers with something waiting; the first has had its turn's credit.
    order: VecDeque<Arc<str>>,
    waiting: usize,
}

#[derive(Debug)]
struct Queue<T> {
    items: VecDeque<(u32, T)>,
    /// Calls that the customer may still make; what it does not use while it waits for a costly item adds up.
    deficit: u32,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { queues: FxHashMap::default(), order: VecDeque::new(), waiting: 0 }
    }
}

impl<T> Turns<T> {
    /// Lets an item wait behind its customer's others. `cost` is what it takes from the vendor's rate, at least 1.
    pub fn push(&mut self, customer: &str, cost: u32, item: T) {
        self.waiting += 1;
        if let Some(queue) = self.queues.get_mut(customer) {
            queue.items.push_back((cost.max(1), item));
            return;
        }
        let customer: Arc<str> = customer.into();
        self.order.push_back(Arc::clone(&customer));
        let credit = u32::from(self.order.len() == 1);
        self.queues.insert(customer, Queue { items: VecDeque::from([(cost.max(1), item)]), deficit: credit });
    }

    /// Gives an item back that was popped and could not go: it is its customer's next, at no cost.
    pub fn push_front(&mut self, customer: &str, cost: u32, item: T) {
        if !self.queues.contains_key(customer) {
            return self.push(customer, cost, item);
        }
        if let Some(queue) = self.queues.get_mut(customer) {
            queue.items.push_front((cost.max(1), item));
            queue.deficit += cost.max(1);
            self.waiting += 1;
        }
    }

    /// Whose turn it is: the item and its cost.
    pub fn peek(&mut self) -> Option<(&T, u32)> {
        loop {
            let queue = self.queues.get(self.order.front()?)?;
            let &(cost, _) = queue.items.front()?;
            if queue.deficit >= cost {
                break;
            }
            self.rotate();
        }
        let (cost, item) = self.queues.get(self.order.front()?)?.items.front()?;
        Some((item, *cost))
    }

    /// Takes what [`Turns::peek`] showed.
    pub fn pop(&mut self) -> Option<T> {
        self.peek()?;
        let customer = self.order.front()?;
        let queue = self.queues.get_mut(customer)?;
        let (cost, item) = queue.items.pop_front()?;
        queue.deficit -= cost;
        self.waiting -= 1;
        if queue.items.is_empty() {
            self.queues.remove(customer);
            self.order.pop_front();
            self.credit();
        }
        Some(item)
    }

    /// Takes the newest items of those who have most, down to `keep` each, until `count` are taken.
    pub fn take_surplus(&mut self, keep: usize, count: usize, into: &mut Vec<T>) {
        let lengths: Vec<usize> = self.queues.values().map(|queue| queue.items.len()).collect();
        let above = |level: usize| lengths.iter().map(|length| length.saturating_sub(level)).sum::<usize>();
        // The lowest level to which all who have more are cut without too many being taken.
        let (mut level, mut enough) = (keep, lengths.iter().copied().fold(keep, usize::max));
        while level < enough {
            let middle = level.midpoint(enough);
            if above(middle) > count {
                level = middle + 1;
            } else {
                enough = middle;
            }
        }
        // Of those who are left with as many some give one more.
        let mut more = if level > keep { count - above(level) } else { 0 };
        for queue in self.queues.values_mut().filter(|queue| queue.items.len() >= level) {
            let gives = usize::from(more > 0);
            more -= gives;
            let taken = queue.items.drain(level - gives..);
            self.waiting -= taken.len();
            into.extend(taken.map(|(_, item)| item));
        }
        self.forget_emptied();
    }

    /// Takes every item that fits, whoever's it is.
    pub fn take_where(&mut self, fits: impl Fn(&T) -> bool, into: &mut Vec<T>) {
        for queue in self.queues.values_mut() {
            if queue.items.iter().any(|(_, item)| fits(item)) {
                let (taken, kept): (VecDeque<_>, VecDeque<_>) =
                    std::mem::take(&mut queue.items).into_iter().partition(|(_, item)| fits(item));
                queue.items = kept;
                self.waiting -= taken.len();
                into.extend(taken.into_iter().map(|(_, item)| item));
            }
        }
        self.forget_emptied();
    }

    /// Items that wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Customers who have something waiting.
    pub fn customers(&self) -> usize {
        self.order.len()
    }

    /// The first one's turn is over, the next one's begins.
    fn rotate(&mut self) {
        self.order.rotate_left(1);
        self.credit();
    }

    fn credit(&mut self) {
        if let Some(queue) = self.order.front().and_then(|customer| self.queues.get_mut(customer)) {
            queue.deficit += 1;
        }
    }

    fn forget_emptied(&mut self) {
        if self.queues.values().all(|queue| !queue.items.is_empty()) {
            return;
        }
        let first = self.order.front().cloned();
        self.queues.retain(|_, queue| !queue.items.is_empty());
        self.order.retain(|customer| self.queues.contains_key(customer));
        if first.as_ref() != self.order.front() {
            self.credit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(turns: &mut Turns<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| turns.pop()).collect()
    }

    #[test]
    fn a_single_message_waits_for_one_message_of_the_bulk_customer_not_for_all() {
        let mut turns = Turns::default();
        (0..25_000).for_each(|_| turns.push("bulk", 1, "bulk"));
        turns.pop();
        turns.push("shop", 1, "single");
        let served: Vec<_> = (0..3).filter_map(|_| turns.pop()).collect();
        assert!(served[..2].contains(&"single"), "{served:?}");
        assert_eq!(turns.waiting(), 25_001 - 4);
    }

    #[test]
    fn a_customer_whose_items_cost_more_gets_no_more_calls() {
        let mut turns = Turns::default();
        (0..50).for_each(|_| turns.push("many devices", 10, "ten calls"));
        (0..500).for_each(|_| turns.push("one device", 1, "one call"));
        let served = drain(&mut turns);
        let half: usize = served.iter().take_while(|item| **item == "ten calls").count();
        assert!(half <= 1, "the costly ones do not go first");
        let calls = |name: &str| served[..110].iter().filter(|item| **item == name).count();
        assert_eq!(calls("ten calls") * 10, calls("one call"), "of 110 items, 10 cost ten and 100 cost one");
    }

    #[test]
    fn surplus_is_the_newest_of_those_who_have_most() {
        let mut turns = Turns::default();
        (0..10).for_each(|n| turns.push("large", 1, n));
        (10..14).for_each(|n| turns.push("middle", 1, n));
        turns.push("small", 1, 14);
        let mut taken = Vec::new();
        turns.take_surplus(3, 6, &mut taken);
        taken.sort_unstable();
        assert_eq!(taken, [4, 5, 6, 7, 8, 9], "the largest one's, down to what the next one has");
        turns.take_surplus(3, 100, &mut taken);
        assert_eq!(turns.waiting(), 3 + 3 + 1, "nobody is left more than 3, and small kept its own");
        turns.take_surplus(0, 100, &mut taken);
        assert_eq!((turns.waiting(), turns.customers()), (0, 0));
        assert_eq!(turns.pop(), None);
    }

    proptest! {
        #[test]
        fn surplus_is_taken_as_if_one_by_one_of_who_has_most(
            lengths in prop::collection::vec(1usize..20, 1..30),
            keep in 0usize..20,
            count in 0usize..300,
        ) {
            let mut turns = Turns::default();
            for (customer, length) in lengths.iter().enumerate() {
                (0..*length).for_each(|n| turns.push(&customer.to_string(), 1, n));
            }
            let mut taken = Vec::new();
            turns.take_surplus(keep, count, &mut taken);

            let mut left = lengths.clone();
            for _ in 0..count {
                if let Some(longest) = left.iter_mut().max().filter(|longest| **longest > keep) {
                    *longest -= 1;
                }
            }
            let (all, kept) = (lengths.iter().sum::<usize>(), left.iter().sum::<usize>());
            prop_assert_eq!((taken.len(), turns.waiting()), (all - kept, kept));
            let mut lengths: Vec<_> = turns.queues.values().map(|queue| queue.items.len()).collect();
            left.retain(|length| *length > 0);
            lengths.sort_unstable();
            left.sort_unstable();
            prop_assert_eq!(lengths, left);
            for queue in turns.queues.values() {
                let oldest = queue.items.iter().enumerate().all(|(at, (_, item))| at == *item);
                prop_assert!(oldest, "the newest go");
            }
        }

        #[test]
        fn nothing_is_lost_and_each_customers_items_keep_their_order(
            pushes in prop::collection::vec((0usize..5, 1u32..5), 0..200),
            every in 1usize..10,
        ) {
            let customers = ["a", "b", "c", "d", "e"];
            let mut turns = Turns::default();
            let mut served = Vec::new();
            for (n, (customer, cost)) in pushes.iter().enumerate() {
                turns.push(customers[*customer], *cost, (*customer, n));
                if n % every == 0 {
                    served.extend(turns.pop());
                }
                if n % (3 * every) == 0 && let Some((customer, n)) = turns.pop() {
                    turns.push_front(customers[customer], 1, (customer, n));
                }
            }
            served.extend(std::iter::from_fn(|| turns.pop()));
            prop_assert_eq!(served.len(), pushes.len());
            prop_assert_eq!((turns.waiting(), turns.customers()), (0, 0));
            for customer in 0..customers.len() {
                let order: Vec<_> = served.iter().filter(|(c, _)| *c == customer).map(|(_, n)| *n).collect();
                prop_assert!(order.is_sorted());
            }
        }

        #[test]
        fn while_two_customers_wait_their_calls_differ_by_no_more_than_one_item(
            costs in prop::collection::vec((1u32..20, 1u32..20), 1..100),
        ) {
            let mut turns = Turns::default();
            for (a, b) in &costs {
                turns.push("a", *a, (0, *a));
                turns.push("b", *b, (1, *b));
            }
            let (mut calls, mut left) = ([0i64; 2], [costs.len(); 2]);
            while let Some((who, cost)) = turns.pop() {
                calls[who] += i64::from(cost);
                left[who] -= 1;
                if left.contains(&0) {
                    break;
                }
                prop_assert!((calls[0] - calls[1]).abs() <= 40, "{:?}", calls);
            }
        }
    }
}
