(** Theorems 2 and 4 of proofs/ranking.md: certified orders, certified errors, the criterion that
    flags unreliable pairs, and the indistinguishable set. Ends of enclosures, uncertainties and
    computed losses may be infinite or absent (a diverged run).

    Relied on by `certified_less` (src/ranking/verdict.cpp), `certified_error`
    (src/shadow/enclosure.cpp), `rank` (src/ranking/ranking.cpp) and `score_criterion`
    (src/ranking/reliability.cpp). *)

From Coq Require Import Reals Lra List.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import Verdict.
Local Open Scope R_scope.

Record enclosure := Enclosure { lower : Rbar; upper : Rbar }.

Definition contains (e : enclosure) (x : R) : Prop :=
  Rbar_le (lower e) x /\ Rbar_le x (upper e).

(** wide holds all that narrow holds. *)
Definition within (narrow wide : enclosure) : Prop :=
  Rbar_le (lower wide) (lower narrow) /\ Rbar_le (upper narrow) (upper wide).

(** Is L*(first) < L*(second)? *)
Definition certified_less (first second : enclosure) : verdict :=
  if Rbar_lt_dec (upper first) (lower second) then Certified
  else if Rbar_le_dec (upper second) (lower first) then Refuted
  else Undecided.

Theorem certified_order (first second : enclosure) (x y : R) :
  contains first x -> contains second y -> means (certified_less first second) (x < y).
Proof.
  intros [Hlx Hxu] [Hly Hyu]. unfold certified_less.
  destruct Rbar_lt_dec as [H|_]; [|destruct Rbar_le_dec as [H|_]; [|exact I]].
  - simpl. apply (Rbar_lt_le_trans x (lower second) y); [|exact Hly].
    now apply Rbar_le_lt_trans with (upper first).
  - simpl. apply Rle_not_lt. apply (Rbar_le_trans y (lower first) x); [|exact Hlx].
    now apply Rbar_le_trans with (upper second).
Qed.

(** Certified the other way round is refuted this way; both are never certified. *)
Theorem certified_order_antisymmetric (first second : enclosure) (x y : R) :
  contains first x -> contains second y ->
  certified_less first second = Certified -> certified_less second first = Refuted.
Proof.
  intros Hx Hy Hc.
  pose proof (certified_order _ _ _ _ Hx Hy) as Hlt. rewrite Hc in Hlt. simpl in Hlt.
  unfold certified_less in *.
  destruct (Rbar_lt_dec (upper first) (lower second)) as [H|];
    [|destruct Rbar_le_dec; discriminate].
  destruct Rbar_lt_dec as [H'|_].
  - exfalso. destruct Hx as [Hlx _], Hy as [_ Hyu].
    assert (y < x); [|lra].
    apply (Rbar_le_lt_trans y (upper second) x Hyu).
    now apply Rbar_lt_le_trans with (lower first).
  - destruct Rbar_le_dec as [_|Hn]; [reflexivity|]. elim Hn. now apply Rbar_lt_le.
Qed.

(** Wider enclosures say the same or nothing. *)
Theorem certified_less_monotone (first second first' second' : enclosure) :
  Rbar_le (lower first) (upper first) -> Rbar_le (lower second) (upper second) ->
  within first first' -> within second second' ->
  weaker (certified_less first' second') (certified_less first second).
Proof.
  intros Hf Hs [Hfl Hfu] [Hsl Hsu]. unfold weaker, certified_less.
  destruct (Rbar_lt_dec (upper first') (lower second')) as [H|_].
  { right. destruct Rbar_lt_dec as [_|Hn]; [reflexivity|]. elim Hn.
    apply Rbar_le_lt_trans with (upper first'); [exact Hfu|].
    now apply Rbar_lt_le_trans with (lower second'). }
  destruct (Rbar_le_dec (upper second') (lower first')) as [H|_]; [|now left].
  right.
  assert (Hle : Rbar_le (upper second) (lower first)).
  { apply Rbar_le_trans with (upper second'); [exact Hsu|].
    now apply Rbar_le_trans with (lower first'). }
  destruct Rbar_lt_dec as [Hlt|_].
  - exfalso. apply (Rbar_lt_not_le _ _ Hlt).
    apply Rbar_le_trans with (upper second); [exact Hs|].
    now apply Rbar_le_trans with (lower first).
  - destruct Rbar_le_dec as [_|Hn]; [reflexivity | now elim Hn].
Qed.

(** Computed losses: certified when the intervals of their errors are disjoint. *)
Theorem certified_computed_order (l1 l2 x y d1 d2 : R) :
  Rabs (l1 - x) <= d1 -> Rabs (l2 - y) <= d2 -> l1 + d1 < l2 - d2 -> x < y.
Proof.
  intros H1 H2 H. apply Rabs_le_between in H1. apply Rabs_le_between in H2. lra.
Qed.

(** The ranking-reliability criterion: a gap greater than both uncertainties is not flagged, and
    then the computed order is the exact order. gap is rounded down, reach up. *)
Theorem unflagged_order_is_exact (l1 l2 x y d1 d2 gap reach : R) :
  Rabs (l1 - x) <= d1 -> Rabs (l2 - y) <= d2 ->
  gap <= Rabs (l1 - l2) -> d1 + d2 <= reach -> reach < gap ->
  (l1 < l2 <-> x < y) /\ (l2 < l1 <-> y < x).
Proof.
  intros H1 H2 Hgap Hreach H.
  apply Rabs_le_between in H1. apply Rabs_le_between in H2.
  assert (Hd : d1 + d2 < Rabs (l1 - l2)) by lra.
  unfold Rabs in Hd. destruct Rcase_abs; lra.
Qed.

(** Every pair whose order changed is flagged; an infinite uncertainty flags everything. *)
Theorem changed_pair_is_flagged (l1 l2 x y gap : R) (d1 d2 reach : Rbar) :
  Rbar_le (Rabs (l1 - x)) d1 -> Rbar_le (Rabs (l2 - y)) d2 ->
  gap <= Rabs (l1 - l2) -> Rbar_le (Rbar_plus d1 d2) reach ->
  (l1 <= l2 /\ y < x) \/ (l2 <= l1 /\ x < y) ->
  Rbar_le gap reach.
Proof.
  intros H1 H2 Hgap Hreach Hchanged.
  apply Rbar_le_trans with (Rbar_plus d1 d2); [|exact Hreach].
  destruct d1 as [d1| |], d2 as [d2| |]; simpl in H1, H2 |- *; try exact I; try contradiction.
  apply Rabs_le_between in H1. apply Rabs_le_between in H2.
  eapply Rle_trans; [exact Hgap|]. apply Rabs_le_between. lra.
Qed.

(** dist(l, [lo, hi]), and the greatest distance to a point of [lo, hi]. *)
Definition least_error (l lo hi : R) : R := Rmax 0 (Rmax (lo - l) (l - hi)).
Definition greatest_error (l lo hi : R) : R := Rmax (Rabs (l - lo)) (Rabs (l - hi)).

Ltac split_max := unfold Rmax, Rabs in *; repeat (destruct Rle_dec || destruct Rcase_abs); lra.

(** The certified error of a computed loss, with the bounds rounded outward. *)
Theorem certified_error_encloses (l lo hi x least greatest : R) :
  lo <= x <= hi -> least <= least_error l lo hi -> greatest_error l lo hi <= greatest ->
  least <= Rabs (l - x) <= greatest.
Proof.
  intros Hx Hl Hg. unfold least_error, greatest_error in *.
  split; [eapply Rle_trans; [exact Hl|] | eapply Rle_trans; [|exact Hg]]; split_max.
Qed.

(** No narrower interval would do: both bounds are errors of some exact loss in the enclosure. *)
Theorem certified_error_attained (l lo hi : R) :
  lo <= hi ->
  (exists x, lo <= x <= hi /\ Rabs (l - x) = least_error l lo hi) /\
  (exists x, lo <= x <= hi /\ Rabs (l - x) = greatest_error l lo hi).
Proof.
  intros H. unfold least_error, greatest_error. split.
  - destruct (Rlt_dec l lo); [exists lo|destruct (Rlt_dec hi l); [exists hi | exists l]];
      (split; [lra | split_max]).
  - destruct (Rle_dec (Rabs (l - lo)) (Rabs (l - hi))); [exists hi | exists lo];
      (split; [lra | split_max]).
Qed.

(** An open end leaves the lower bound from the other end. *)
Theorem certified_error_half_open (l x : R) :
  (forall lo, lo <= x -> lo - l <= Rabs (l - x)) /\ (forall hi, x <= hi -> l - hi <= Rabs (l - x)).
Proof. split; intros; split_max. Qed.

(** What is known of one evaluated configuration. *)
Record trial := Trial {
  native : option R;   (** the computed loss; none where the run diverged *)
  delta : Rbar;        (** at least |L^ - L*|, or infinite *)
  loss : enclosure;
}.

(** L* of a trial, and all that was certified about it holds. *)
Definition holds_of (t : trial) (x : R) : Prop :=
  contains (loss t) x /\
  match native t with Some l => Rbar_le (Rabs (l - x)) (delta t) | None => True end.

Section Trials.
Context {I : Type} (trials : list I) (about : I -> trial) (exact : I -> R) (reach : I -> Rbar).
Hypothesis holds : forall i, In i trials -> holds_of (about i) (exact i).

(** Membership: L^ <= L^_best + delta_best + delta, the right side rounded up to reach; a
    diverged run stays unless an enclosure lies certainly below its own. *)
Definition member (i : I) : Prop :=
  match native (about i) with
  | Some l => Rbar_le l (reach i)
  | None => ~ exists j, In j trials /\ certified_less (loss (about j)) (loss (about i)) = Certified
  end.

Definition minimiser (i : I) : Prop := In i trials /\ forall j, In j trials -> exact i <= exact j.

Lemma beaten_is_no_minimiser i j :
  In j trials -> certified_less (loss (about j)) (loss (about i)) = Certified -> ~ minimiser i.
Proof.
  intros Hj Hc [Hi Hmin].
  pose proof (certified_order _ _ _ _ (proj1 (holds _ Hj)) (proj1 (holds _ Hi))) as H.
  rewrite Hc in H. simpl in H. specialize (Hmin _ Hj). lra.
Qed.

(** Theorem 4: every exact minimiser is a member. *)
Theorem indistinguishable_set (best : I) (l : R) :
  In best trials -> native (about best) = Some l ->
  (forall i, In i trials ->
     Rbar_le (Rbar_plus (Rbar_plus l (delta (about best))) (delta (about i))) (reach i)) ->
  forall i, minimiser i -> member i.
Proof.
  intros Hbest Hl Hreach i Hi. unfold member.
  destruct (native (about i)) as [m|] eqn:Hm.
  - destruct Hi as [Hin Hmin].
    apply Rbar_le_trans with (2 := Hreach _ Hin).
    destruct (holds _ Hbest) as [_ Hb]. rewrite Hl in Hb.
    destruct (holds _ Hin) as [_ Ht]. rewrite Hm in Ht.
    specialize (Hmin _ Hbest).
    destruct (delta (about best)) as [db| |], (delta (about i)) as [dm| |]; simpl in Hb, Ht |- *;
      try exact I; try contradiction; auto.
    apply Rabs_le_between in Hb. apply Rabs_le_between in Ht. lra.
  - intros [j [Hj Hc]]. now apply (beaten_is_no_minimiser i j).
Qed.

(** If every run diverged there is no best one, and a minimiser is a member all the same. *)
Theorem indistinguishable_set_all_diverged :
  (forall i, In i trials -> native (about i) = None) -> forall i, minimiser i -> member i.
Proof.
  intros Hall i Hi. unfold member. rewrite (Hall _ (proj1 Hi)).
  intros [j [Hj Hc]]. now apply (beaten_is_no_minimiser i j).
Qed.
End Trials.

(** A finite run outside of the set is beaten for certain: its enclosure lies above that of the
    best. *)
Theorem outside_is_beaten (l l_best lo hi_best d d_best : R) :
  Rabs (l - lo) <= d -> Rabs (l_best - hi_best) <= d_best -> l_best + d_best + d < l ->
  hi_best < lo.
Proof. intros. split_Rabs; lra. Qed.

(** A flip: the native losses are in the opposite order of the exact ones, as proved. *)
Theorem flip_is_one (better worse : trial) (x y lb lw : R) :
  holds_of better x -> holds_of worse y ->
  certified_less (loss better) (loss worse) = Certified ->
  native better = Some lb -> native worse = Some lw -> lw < lb ->
  x < y /\ lw < lb.
Proof.
  intros [Hx _] [Hy _] Hc _ _ Hl. split; [|exact Hl].
  pose proof (certified_order _ _ _ _ Hx Hy) as H. now rewrite Hc in H.
Qed.
