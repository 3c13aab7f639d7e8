use super::*;

/// A graph from the parents of each commit.
fn graph(parents: &[&[u32]]) -> Graph {
    let commits = parents.iter().enumerate().map(|(place, parents)| Commit {
        id: ObjectId::null(gix_hash::Kind::Sha1),
        tree: ObjectId::null(gix_hash::Kind::Sha1),
        parents: parents.to_vec(),
        author: 0,
        bot: false,
        time: 0,
        recorded: place as i64,
        cut: false,
    });
    Graph {
        commits: commits.collect(),
        authors: vec![String::new()],
        mainline: vec![false; parents.len()],
    }
}

/// Bases, and what only one side has.
fn apart(graph: &Graph, left: &[u32], right: u32) -> [Vec<u32>; 3] {
    let mut sides = Sides::new(graph);
    // What was looked at before makes no difference.
    sides.tell_apart(graph, &[0], graph.commits.len() as u32 - 1);
    sides.tell_apart(graph, left, right);
    for commit in 0..graph.commits.len() as u32 {
        assert_eq!(sides.is_left(commit), sides.left.contains(&commit));
        assert_eq!(sides.is_right(commit), sides.right.contains(&commit));
    }
    [sides.bases, sides.left, sides.right]
}

#[test]
fn sides_are_told_apart() {
    // 0 - 1 - 2 - 4
    //      \- 3 - 5
    let fork = graph(&[&[], &[0], &[1], &[1], &[2], &[3]]);
    assert_eq!(apart(&fork, &[4], 5), [vec![1], vec![4, 2], vec![5, 3]]);
    assert_eq!(apart(&fork, &[4], 2), [vec![2], vec![4], vec![]]);
    assert_eq!(apart(&fork, &[4, 3], 5), [vec![3], vec![4, 2], vec![5]]);
    // 1 and 2 were merged both ways.
    let crossed = graph(&[&[], &[0], &[0], &[1, 2], &[2, 1], &[3], &[4]]);
    assert_eq!(
        apart(&crossed, &[5], 6),
        [vec![2, 1], vec![5, 3], vec![6, 4]]
    );
    let strangers = graph(&[&[], &[], &[0]]);
    assert_eq!(apart(&strangers, &[2], 1), [vec![], vec![2, 0], vec![1]]);
}

/// An old branch that was merged before is known by its last merge only.
#[test]
fn an_older_common_commit_is_no_base() {
    // 0 - 1 - 3 - 5
    //  \- 2 -/- 4
    let graph = graph(&[&[], &[0], &[0], &[1, 2], &[2], &[3]]);
    assert_eq!(apart(&graph, &[5], 4), [vec![2], vec![5, 3, 1], vec![4]]);
}

#[test]
fn parents_come_first_and_then_what_was_recorded_first() {
    let id = |n: u8| ObjectId::from_hex(format!("{n:040x}").as_bytes()).expect("an id");
    let commit = |n: u8, parents: &[u32], recorded| Commit {
        id: id(n),
        tree: id(0),
        parents: parents.to_vec(),
        author: 0,
        bot: false,
        time: 0,
        recorded,
        cut: false,
    };
    // A clock that went back does not turn the order.
    let commits = vec![
        commit(9, &[1, 2], 1),
        commit(8, &[3], 7),
        commit(7, &[3], 5),
        commit(6, &[], 90),
    ];
    let ordered = ordered(commits).expect("an order");
    let ids: Vec<ObjectId> = ordered.iter().map(|commit| commit.id).collect();
    assert_eq!(ids, [id(6), id(7), id(8), id(9)]);
    assert_eq!(ordered[3].parents, [2, 1]);
    let circle = vec![commit(1, &[1], 0), commit(2, &[0], 0)];
    assert!(matches!(super::ordered(circle), Err(ImportFault::Circle)));
}
