; GCounter: frame inc
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |n| () Int)
(declare-fun |k0| () Int)
(declare-fun |t.counts| (Int) Int)
(declare-fun |this.counts| (Int) Int)
(define-fun t!1 () Int (ite (= |r| |k0|) (+ (|this.counts| |r|) |n|) 0))
(assert (<= 0 (|t.counts| |k0|)))
(assert (not (or (= |r| |k0|) (= (|t.counts| |k0|) (ite (< (|t.counts| |k0|) t!1) t!1 (|t.counts| |k0|))))))
(check-sat)
