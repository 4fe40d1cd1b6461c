; PNCounter: home own by delta of inc elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |r| () Int)
(declare-fun |this.up| (Int) Int)
(declare-fun |n| () Int)
(declare-fun |mine.up| (Int) Int)
(declare-fun |mine.down| (Int) Int)
(assert (not (= |p| |r|)))
(assert (<= 0 (|mine.up| |p|)))
(assert (<= 0 (|mine.down| |p|)))
(assert (not (and (not (< (|mine.up| |p|) (ite (= |p| |r|) (+ (|this.up| |r|) |n|) 0))) (not (< (|mine.down| |p|) 0)))))
(check-sat)
