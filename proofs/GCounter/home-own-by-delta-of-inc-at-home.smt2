; GCounter: home own by delta of inc at home
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |this.counts| (Int) Int)
(declare-fun |t.counts| (Int) Int)
(declare-fun |n| () Int)
(define-fun t!1 () Int (+ (|this.counts| |r|) |n|))
(define-fun t!2 () Int (ite (< (|this.counts| |r|) t!1) t!1 (|this.counts| |r|)))
(assert (not (< (|this.counts| |r|) (|t.counts| |r|))))
(assert (<= 0 |n|))
(assert (not (and (not (< t!2 (|t.counts| |r|))) (not (< t!2 t!1)) (not (< t!2 (|this.counts| |r|))))))
(check-sat)
