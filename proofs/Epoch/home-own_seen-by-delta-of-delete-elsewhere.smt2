; Epoch: home own_seen by delta of delete elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |r| () Int)
(declare-fun |d| () Int)
(declare-fun |mine.seen| (Int Int) Bool)
(assert (not (= |p| |r|)))
(assert (not (or (not (= |p| |r|)) (|mine.seen| |r| |d|))))
(check-sat)
